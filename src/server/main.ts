/** Serves a studio until a signal comes: `trm serve`, and `npm start` where there can be no window. */
import { toWireError } from '../shared/errors';
import { appFiles } from '../studio/app-files';
import { forkCompute } from '../studio/compute-fork';
import { resolveHome } from '../studio/home';
import { openStudio, type Studio } from '../studio/studio';
import { isLoopback } from './access';
import type { ServerOptions } from './options';
import { serve } from './server';

/**
 * Runs until SIGINT, SIGTERM or SIGHUP; a second one ends the process at once.
 * @param compute The built compute entry, which lies beside the entry that calls this.
 * @returns the exit code
 */
export async function serveUntilSignal(options: Omit<ServerOptions, 'help'>, compute: string): Promise<number> {
  const say = (sentence: string) => process.stderr.write(`${sentence}\n`);
  const files = appFiles();
  let studio: Studio | null = null;
  try {
    const opened = await openStudio({
      home: resolveHome(options.home),
      transport: 'web',
      compute: (log) => forkCompute(compute, log),
      resumeAtStart: true,
    });
    studio = opened;
    const ended = nextSignal(say);
    const server = await serve({
      studio: opened,
      renderer: files.renderer,
      host: options.host,
      port: options.port,
      publicAddress: options.publicAddress,
      onTaken: (port, next) => say(`Port ${port} is in use; trying ${next}.`),
    });
    process.stdout.write(`${server.address}\n`);
    say(`TRM Studio ${files.version} is served at that address; Ctrl-C saves and ends it. Home: ${opened.home.root}`);
    for (const sentence of reachSentences(options, server.port)) say(sentence);
    const signal = await ended;
    opened.log.info(`${signal}: closing`);
    await Promise.all([server.close(), opened.close()]);
    return 0;
  } catch (error) {
    say(
      toWireError(error, (e) => (studio ? studio.log.error('server', e) : say(String((e as Error)?.stack ?? e))))
        .message,
    );
    await studio?.close();
    return 1;
  }
}

/** Who else can reach the server, and what that means. */
export function reachSentences(
  { host, publicAddress }: Pick<ServerOptions, 'host' | 'publicAddress'>,
  port: number,
): string[] {
  const direct = isLoopback(host)
    ? []
    : [
        `It listens at ${host}, without encryption: whoever can read the network can read the key and all data. Listen at 127.0.0.1 and use ssh -L or a proxy with TLS instead (docs/server.md).`,
      ];
  if (!publicAddress) return direct;
  const plain =
    publicAddress.protocol === 'http:' ? ' That address has no encryption: give the proxy a certificate.' : '';
  return [...direct, `Behind the proxy it answers to ${publicAddress.origin}; pass it on to port ${port}.${plain}`];
}

function nextSignal(say: (sentence: string) => void): Promise<string> {
  return new Promise((resolve) => {
    let count = 0;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (count++ > 0) process.exit(signal === 'SIGINT' ? 130 : 143);
        say('Saving and closing; a second signal ends it at once.');
        resolve(signal);
      });
    }
  });
}
