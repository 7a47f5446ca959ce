/** `trm COMMAND …`: the entry of the command line. */
import { endOnCrash } from '../studio/crash';
import { setEntryFolder } from './open';
import { say } from './output';
import { runCommandLine } from './program';

setEntryFolder(__dirname);
// A reader that has seen enough (`trm runs | head`) is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
}

const { crash, crashed } = endOnCrash({ say, exit: (code) => process.exit(code) });
runCommandLine(process.argv.slice(2)).then((code) => {
  if (crashed()) return;
  process.exitCode = code;
  // Whatever still holds the event loop (an idle channel to a compute process) must not keep the prompt waiting; what
  // was written to a pipe must still get through it.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}, crash);
