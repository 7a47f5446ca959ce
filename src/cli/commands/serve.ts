import type { Command } from 'commander';
import { serveUntilSignal } from '../../server/main';
import { DEFAULT_PORT, parsePort } from '../../server/options';
import { StudioError } from '../../shared/errors';
import { computeFile, type Globals } from '../open';
import { UsageError } from '../usage';

export function serveCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('serve')
    .description('serve the studio to a browser; prints the address, with its key, on stdout')
    .option('--port <n>', `the port; the next free one is taken if it is in use; 0 takes any (default ${DEFAULT_PORT})`)
    .option(
      '--host <host>',
      'the address to listen at; another one than the default lets other machines in',
      '127.0.0.1',
    )
    .action(async (_options: unknown, command: Command) => {
      const { port, host, home } = command.optsWithGlobals<Globals & { port?: string; host: string }>();
      exit(await serveUntilSignal({ port: portOf(port), host, home }, computeFile()));
    });
}

function portOf(text: string | undefined): number {
  try {
    return parsePort(text);
  } catch (error) {
    if (error instanceof StudioError) throw new UsageError(error.message);
    throw error;
  }
}
