import type { Command } from 'commander';
import { serveUntilSignal } from '../../server/main';
import { DEFAULT_PORT, parsePort, parsePublicAddress } from '../../server/options';
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
    .option('--public-address <address>', 'where browsers reach it behind a proxy, e.g. https://trm.example.org')
    .action(async (_options: unknown, command: Command) => {
      const { port, host, home, publicAddress } = command.optsWithGlobals<
        Globals & { port?: string; host: string; publicAddress?: string }
      >();
      const options = {
        port: inUsage(() => parsePort(port)),
        host,
        home,
        publicAddress: inUsage(() => parsePublicAddress(publicAddress)),
      };
      exit(await serveUntilSignal(options, computeFile()));
    });
}

function inUsage<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof StudioError) throw new UsageError(error.message);
    throw error;
  }
}
