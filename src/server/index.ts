/** `node out/main/server.js [--port N] [--host H] [--home DIR]` */
import { join } from 'node:path';
import { toWireError } from '../shared/errors';
import { endOnCrash } from '../studio/crash';
import { serveUntilSignal } from './main';
import { parseServerOptions, SERVER_HELP } from './options';

async function main(): Promise<number> {
  let options;
  try {
    options = parseServerOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${toWireError(error).message}\n`);
    return 2;
  }
  if (options.help) {
    process.stderr.write(`${SERVER_HELP}\n`);
    return 0;
  }
  return serveUntilSignal(options, join(__dirname, 'compute.js'));
}

const { crash, crashed } = endOnCrash({
  say: (sentence) => process.stderr.write(`${sentence}\n`),
  exit: (code) => process.exit(code),
});
main().then((code) => {
  if (!crashed()) process.exit(code);
}, crash);
