/** Sends malformed requests and watches for what must not be: an answer without the key, a fault of ours, a growth. */
import { readFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import fc, { type Arbitrary } from 'fast-check';
import WebSocket from 'ws';
import { decodeWire, encodeWire } from '../../src/shared/wire';
import type { Answer } from '../../src/studio/dispatch';
import { anyInput, anyMethod, frame, message } from './call-arbitraries';
import { rawRequest, UPGRADE, type Door, type RawRequest } from './http-arbitraries';

export interface Tally {
  sent: number;
  /** By status, close code or error code. */
  outcomes: Record<string, number>;
  /** What must not have been, each with what was sent. */
  faults: string[];
}

const tally = (): Tally => ({ sent: 0, outcomes: {}, faults: [] });
const note = (t: Tally, outcome: string): void => void (t.outcomes[outcome] = (t.outcomes[outcome] ?? 0) + 1);

const shown = (what: unknown): string => {
  const text = Buffer.isBuffer(what) ? what.toString('latin1') : String(what);
  return JSON.stringify(text.slice(0, 400));
};

/** `count` values in batches, so that their number takes no memory; the same for the same seed. */
function* samples<T>(arbitrary: Arbitrary<T>, count: number, seed: number): Generator<T> {
  for (let done = 0; done < count; done += 500) {
    yield* fc.sample(arbitrary, { numRuns: Math.min(500, count - done), seed: seed * 1_000_003 + done });
  }
}

/** Takes each of `items` by one of `width` workers. */
async function spread<T>(items: Iterator<T>, width: number, work: (item: T) => Promise<void>): Promise<void> {
  const worker = async (): Promise<void> => {
    for (let next = items.next(); !next.done; next = items.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** What a bare connection hears until the server closes it; the sender's side is closed after `bytes`. */
export function hear(port: number, bytes: Buffer, waitMs = 4000): Promise<{ heard: string; closed: boolean }> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => client.end(bytes));
    const end = (closed: boolean): void => {
      clearTimeout(late);
      // Without the minute that a port stays taken after an orderly end: there are not 100,000 ports.
      client.resetAndDestroy();
      resolve({ heard: Buffer.concat(pieces).toString('latin1'), closed });
    };
    const late = setTimeout(() => end(false), waitMs);
    client.on('data', (data) => pieces.push(data));
    client.on('error', () => end(true));
    client.on('end', () => end(true));
  });
}

/** HTTP requests, each over a connection of its own. */
export async function sendHttp(door: Door, count: number, seed: number): Promise<Tally> {
  const t = tally();
  await spread(samples(rawRequest(door), count, seed), 24, async ({ bytes, admitted }: RawRequest) => {
    const { heard, closed } = await hear(door.port, bytes);
    t.sent++;
    const statuses = [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
    note(t, String(statuses[0] ?? (closed ? 'closed' : 'silent')));
    if (!closed) t.faults.push(`not closed: ${shown(bytes)}`);
    if (/HTTP\/1\.1 5\d\d/.test(heard)) t.faults.push(`${heard.slice(0, 12)}: ${shown(bytes)}`);
    if (admitted) return;
    // 101: a page with an old key is let in to be told so with a close frame, and with nothing else.
    if (statuses.some((s) => s < 400 && s !== 101 && s !== 100))
      t.faults.push(`answered: ${shown(bytes)} with ${shown(heard)}`);
    const after = heard.split('\r\n\r\n')[1] ?? '';
    if (statuses[0] === 101 && after !== '' && after.charCodeAt(0) !== 0x88)
      t.faults.push(`said more than that: ${shown(bytes)}`);
    if (/<!doctype|<script/i.test(heard)) t.faults.push(`the page: ${shown(bytes)}`);
  });
  return t;
}

/** Handshakes, with and without the key, and then frames. */
export async function sendFrames({ port, token }: Door, count: number, seed: number): Promise<Tally> {
  const t = tally();
  const sets = fc.record({ keyed: fc.boolean(), frames: fc.array(frame, { minLength: 1, maxLength: 8 }) });
  const until = { left: count };
  const items = samples(sets, count, seed);
  await spread(items, 24, async ({ keyed, frames }) => {
    if (until.left <= 0) return;
    until.left -= frames.length;
    const headers = [
      ['Host', `127.0.0.1:${port}`],
      ...UPGRADE,
      ...(keyed ? [['Cookie', `trm_token_${port}=${token}`]] : []),
    ];
    const start = `GET /ws HTTP/1.1\r\n${headers.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`;
    const bytes = Buffer.concat([Buffer.from(start), ...frames]);
    const { heard, closed } = await hear(port, bytes);
    t.sent += frames.length;
    const [head, ...rest] = heard.split('\r\n\r\n');
    const said = rest.join('\r\n\r\n');
    note(t, `${keyed ? 'key' : 'no key'}, ${head.slice(9, 12)}, ${closeCode(said)}`);
    if (!closed) t.faults.push(`not closed: ${shown(bytes)}`);
    if (!keyed && said !== '' && said.charCodeAt(0) !== 0x88)
      t.faults.push(`answered without the key: ${shown(bytes)}`);
  });
  return t;
}

/** The code of the server's close frame in what it said after its handshake. */
function closeCode(said: string): string {
  for (let at = 0; at + 1 < said.length;) {
    const length = said.charCodeAt(at + 1);
    const wide = length === 126 ? 2 : length === 127 ? 8 : 0;
    if (said.charCodeAt(at) === 0x88)
      return length < 2 ? 'closed' : String(said.charCodeAt(at + 2) * 256 + said.charCodeAt(at + 3));
    const size = wide ? parseInt(Buffer.from(said.slice(at + 2, at + 2 + wide), 'latin1').toString('hex'), 16) : length;
    at += 2 + wide + size;
  }
  return 'dropped';
}

/** Messages of who has the key: each is answered in a sentence, or the connection is closed with a code. */
export async function sendMessages({ port, token }: Door, count: number, seed: number): Promise<Tally> {
  const t = tally();
  const items = samples(message, count, seed);
  const open = (): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/ws?token=${token}`);
      client.once('open', () => resolve(client));
      client.once('error', reject);
    });
  await spread([0, 1, 2, 3][Symbol.iterator](), 4, async () => {
    let client = await open();
    for (let next = items.next(); !next.done; next = items.next()) {
      if (client.readyState !== client.OPEN) client = await open();
      t.sent++;
      note(t, await answerTo(client, next.value, t));
    }
    client.terminate();
  });
  return t;
}

function answerTo(client: WebSocket, bytes: Buffer, t: Tally): Promise<string> {
  return new Promise((resolve) => {
    const end = (outcome: string): void => {
      clearTimeout(late);
      client.removeAllListeners();
      client.on('error', () => undefined);
      resolve(outcome);
    };
    const late = setTimeout(() => {
      t.faults.push(`no answer: ${shown(bytes)}`);
      client.terminate();
      end('silent');
    }, 10_000);
    client.on('error', () => undefined);
    client.on('close', (code) => end(`closed ${code}`));
    client.on('message', (data) => {
      const said = decodeWire(data as Buffer) as { event?: string; error?: Faulty };
      if (said.event !== undefined) return;
      if (said.error) judge(said.error, bytes, t);
      end(said.error?.code ?? 'answered');
    });
    client.send(bytes);
  });
}

interface Faulty {
  code: string;
  message: string;
}

/** An error is one sentence of ours. */
function judge({ code, message: text }: Faulty, sent: unknown, t: Tally): void {
  if (code === 'internal') t.faults.push(`a fault of ours: ${shown(sent)}`);
  else if (!/[.?]$/.test(text) || /\n|\bat .*:\d+:\d+|\[object/.test(text))
    t.faults.push(`no sentence: ${shown(text)}`);
}

/** Calls as Electron's IPC hands them over: through the structured clone, into the dispatch. */
export async function sendCalls(
  answer: (method: unknown, input: unknown) => Promise<Answer>,
  count: number,
  seed: number,
): Promise<Tally> {
  const t = tally();
  const calls = fc.record({ method: anyMethod(true), input: anyInput(true) });
  await spread(samples(calls, count, seed), 4, async (call) => {
    const { method, input } = structuredClone(call);
    const said = await answer(method, input).catch((error: unknown) => {
      t.faults.push(`rejected with ${String(error)}: ${fc.stringify(call)}`);
      return null;
    });
    t.sent++;
    note(t, said === null ? 'rejected' : 'error' in said ? said.error.code : 'answered');
    if (said && 'error' in said) judge(said.error, fc.stringify(call), t);
  });
  return t;
}

/** `count` connections at once, none of which finishes its request. @returns when they are all closed by the server. */
export async function crowd({ port }: Door, count: number): Promise<Tally> {
  const t = tally();
  const starts = ['', 'G', 'GET / HTTP/1.1\r\n', `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX: `];
  await Promise.all(
    Array.from(
      { length: count },
      (_, i) =>
        new Promise<void>((resolve) => {
          const client = connect(port, '127.0.0.1', () => client.write(starts[i % starts.length]));
          const drip = setInterval(() => client.write('a'), 500);
          client.resume();
          client.on('error', () => undefined);
          client.on('close', () => {
            clearInterval(drip);
            t.sent++;
            resolve();
          });
        }),
    ),
  );
  note(t, 'closed');
  return t;
}

/** Whether who has the key is served: the page's socket answers. */
export function isServed({ port, token }: Door): Promise<boolean> {
  return new Promise((resolve) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/ws?token=${token}`);
    const end = (served: boolean): void => {
      client.terminate();
      resolve(served);
    };
    client.on('open', () => client.send(encodeWire({ id: 1, method: 'app.info', input: {} })));
    client.on('message', (data) => end('output' in (decodeWire(data as Buffer) as object)));
    client.on('error', () => end(false));
  });
}

/** Resident memory in bytes and open handles of a process (Linux). */
export function usageOf(pid: number): { rss: number; handles: number } {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return { rss: Number(pages) * 4096, handles: readdirSync(`/proc/${pid}/fd`).length };
}
