import { parseArgs } from 'node:util';
import { StudioError } from '../shared/errors';

export interface ServerOptions {
  port: number;
  host: string;
  home: string | undefined;
  /** Origin of a proxy in front of the server, as browsers see it. */
  publicAddress: URL | null;
  help: boolean;
}

export const DEFAULT_PORT = 7650;

export const SERVER_HELP = `TRM Studio in a browser: prints one address, with its key, on stdout.

  --port N     the port (${DEFAULT_PORT}); the next free one is taken if it is in use; 0 takes any
  --host H     the address to listen at (127.0.0.1); another one lets other machines in, who need the key
  --public-address A
               where browsers reach it behind a proxy, e.g. https://trm.example.org (docs/server.md)
  --home DIR   where runs, datasets and checkpoints are kept (also TRM_HOME)`;

/** @throws StudioError `bad_input` */
export function parseServerOptions(argv: readonly string[]): ServerOptions {
  let values: { port?: string; host?: string; home?: string; help?: boolean; 'public-address'?: string };
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        home: { type: 'string' },
        'public-address': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    throw new StudioError(
      'bad_input',
      `${(error as Error).message.split('. ')[0]}: there are --port N, --host H, --public-address A and --home DIR.`,
    );
  }
  return {
    port: parsePort(values.port),
    host: values.host ?? '127.0.0.1',
    home: values.home,
    publicAddress: parsePublicAddress(values['public-address']),
    help: values.help ?? false,
  };
}

export function parsePort(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535))
    throw new StudioError('bad_input', `--port ${text} is not a port: use a number from 0 to 65535.`);
  return port;
}

/** An origin: scheme, name, and port where it is not the scheme's own. @throws StudioError `bad_input` */
export function parsePublicAddress(text: string | undefined): URL | null {
  if (text === undefined) return null;
  const url = URL.parse(text);
  const bare = url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (bare) return url;
  throw new StudioError(
    'bad_input',
    `--public-address ${text} is not an address without a path: write it like https://trm.example.org or http://10.0.0.5:8080.`,
  );
}
