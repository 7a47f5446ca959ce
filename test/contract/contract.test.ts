import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import WebSocket from 'ws';
import { defaultConfig } from '../../src/shared/config';
import { METHODS, type Handlers, type MethodName, type Output } from '../../src/shared/contract';
import type { RunSummary } from '../../src/shared/contract/runs';
import type { ServerFrame } from '../../src/shared/rpc';
import { decodeWire, encodeWire } from '../../src/shared/wire';
import { serve, type RunningServer } from '../../src/server/server';
import { openStudio, type Studio } from '../../src/studio/studio';
import { freshFolder } from '../studio/home';
import { ScriptedCompute } from '../studio/scripted-compute';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function studio(): Promise<Studio> {
  const compute = new ScriptedCompute();
  const opened = await openStudio({
    home: freshFolder(),
    transport: 'web',
    compute: () => compute.factory,
    resources: null,
    runtimeReport: null,
  });
  open.push(opened);
  return opened;
}

async function served(of: Studio): Promise<{
  server: RunningServer;
  call: (method: string, input: unknown) => Promise<ServerFrame>;
  frames: ServerFrame[];
}> {
  const server = await serve({ studio: of, renderer: freshFolder(), host: '127.0.0.1', port: 0 });
  open.push(server);
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws?token=${server.token}`);
  const frames: ServerFrame[] = [];
  const waiting = new Map<number, (frame: ServerFrame) => void>();
  socket.on('message', (data) => {
    const frame = decodeWire(data as Buffer) as ServerFrame;
    frames.push(frame);
    if ('id' in frame) waiting.get(frame.id)?.(frame);
  });
  await new Promise((resolve) => socket.once('open', resolve));
  let id = 0;
  const call = (method: string, input: unknown) =>
    new Promise<ServerFrame>((resolve) => {
      waiting.set(++id, resolve);
      socket.send(encodeWire({ id, method, input }));
    });
  return { server, call, frames };
}

/** As Electron's IPC could bring it, which clones circles and big integers. */
function circle(): unknown {
  const view: Record<string, unknown> = {};
  view.self = view;
  return { view };
}

describe('the contract', () => {
  it('is typed: a handler per method, and outputs that are not any', () => {
    expectTypeOf<keyof Handlers>().toEqualTypeOf<MethodName>();
    expectTypeOf<Output<'runs.list'>>().toEqualTypeOf<RunSummary[]>();
    expectTypeOf<Output<'traces.read'>>().toEqualTypeOf<Uint8Array>();
  });

  it('has a handler for every method, and no others', async () => {
    const { handlers } = await studio();
    expect(Object.keys(handlers).sort()).toEqual(Object.keys(METHODS).sort());
    for (const handler of Object.values(handlers)) expect(handler).toBeTypeOf('function');
  });

  it('is served whole by every transport: what IPC calls and the WebSocket give the same answers', async () => {
    const opened = await studio();
    const { call } = await served(opened);
    // Input that no method takes: each must be reached, and refuse it in one sentence.
    for (const name of Object.keys(METHODS)) {
      const answer = await call(name, { no_such_key: 1 });
      if (!('error' in answer)) throw new Error(`${name} took anything`);
      expect(answer.error.code, name).toBe('bad_input');
      expect(answer.error.message, name).toContain(name);
      await expect(opened.dispatch(name, { no_such_key: 1 })).rejects.toMatchObject(answer.error);
    }
    for (const name of [
      'app.info',
      'settings.get',
      'runs.list',
      'evaluations.list',
      'datasets.list',
      'tasks.subsets',
      'tasks.list',
    ] as const) {
      const answer = await call(name, {});
      expect('output' in answer && answer.output, name).toEqual(await opened.dispatch(name, {}));
    }
  });

  it.each([
    ['nothing.such', {}, 'bad_input', 'nothing.such'],
    ['runs.lst', {}, 'bad_input', 'did you mean runs.list'],
    ['__proto__', {}, 'bad_input', '__proto__'],
    ['toString', {}, 'bad_input', 'toString'],
    [{ toString: 1, valueOf: 1 }, {}, 'bad_input', 'There is no method "an object".'],
    [7n, {}, 'bad_input', 'There is no method "7".'],
    ['runs.get', { run: 7n }, 'bad_input', 'run is 7'],
    ['runs.get', { run: { a: 1 } }, 'bad_input', 'run'],
    ['settings.set', circle(), 'bad_input', 'nested more than 100 deep'],
    ['runs.get', { run: 'nobody' }, 'not_found', 'nobody'],
    ['runs.get', {}, 'bad_input', 'run'],
    ['runs.get', null, 'bad_input', 'run'],
    ['runs.get', { run: 7 }, 'bad_input', '7'],
    ['datasets.read', { dataset: 'x', examples: [{ split: 'dev', index: 0 }] }, 'bad_input', 'dev'],
    ['datasets.get', { dataset: 'x' }, 'not_found', 'x'],
    ['tasks.get', { id: 12345 }, 'not_found', '12345'],
    ['traces.read', { trace: 9 }, 'not_found', '9'],
    ['evaluations.get', { evaluation: 'x' }, 'not_found', 'x'],
    ['evaluations.create', { checkpoint: 4 }, 'not_found', '4'],
    ['evaluations.create', { checkpoint: 4, act_steps: 0 }, 'bad_input', 'act_steps'],
    ['evaluations.compare', { a: 'x', b: 'y' }, 'not_found', 'x'],
    ['traces.create', { of: { checkpoint: 4 }, example: { split: 'test', index: 0 } }, 'not_found', '4'],
    ['traces.create', { of: { solve: 'x' }, example: { split: 'test', index: 0 } }, 'not_found', 'x'],
    ['settings.set', { theme: 'pink' }, 'bad_input', 'pink'],
    ['import.preview', { import: 'x' }, 'not_found', 'x'],
    ['runs.estimate', { config: defaultConfig(), dataset: null, recipe: null }, 'bad_input', 'recipe'],
    ['runs.create', { name: 'r', preset: null, config: {}, dataset: null, recipe: null }, 'bad_input', 'no data'],
    [
      'runs.create',
      { name: 'r', preset: null, config: { lrr: 1 }, dataset: null, recipe: null },
      'bad_input',
      'did you mean lr',
    ],
    [
      'runs.create',
      { name: 'r', preset: null, config: { lr: 5 }, dataset: null, recipe: null },
      'bad_input',
      'lr is 5',
    ],
  ] as [unknown, unknown, string, string][])(
    '%o with %o is refused as %s, in one sentence',
    async (method, input, code, says) => {
      const opened = await studio();
      const answer = await opened.answer(method, input);
      if (!('error' in answer)) throw new Error('it was taken');
      expect(answer.error.code).toBe(code);
      expect(answer.error.message).toContain(says);
      expect(answer.error.message).toMatch(/[.?]$/);
      // A question asks something: "did you mean …?"; what is said ends with a full stop.
      expect(answer.error.message.endsWith('?')).toBe(answer.error.message.includes('did you mean'));
      expect(answer.error.message).not.toMatch(/\n|\bat .*:\d+:\d+|undefined|\[object|\.\.$/);
    },
  );

  it('names the config’s own key, with every issue for the form', async () => {
    const opened = await studio();
    const config = { lr: 5, arch: { num_heads: 0 } };
    const answer = await opened.answer('runs.create', { name: 'r', preset: null, config, dataset: null, recipe: null });
    expect(answer).toMatchObject({ error: { data: { issues: [{ path: 'arch.num_heads' }, { path: 'lr' }] } } });
  });

  it('hides faults of ours and writes them to the log whole', async () => {
    const opened = await studio();
    opened.handlers['app.info'] = () => {
      throw new TypeError('secret detail');
    };
    const answer = await opened.answer('app.info', {});
    expect(answer).toMatchObject({ error: { code: 'internal' } });
    expect(JSON.stringify(answer)).not.toContain('secret');
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(opened.log.file as string, 'utf8')).toMatch(
      /app\.info failed: TypeError: secret detail\n\s+at /,
    );
  });

  it('carries events, and typed arrays through them', async () => {
    const opened = await studio();
    const { call, frames } = await served(opened);
    await call('settings.set', { theme: 'dark' });
    expect(frames).toContainEqual({
      event: 'settings.changed',
      payload: expect.objectContaining({ theme: 'dark', palette: 'official', view: {} }) as unknown,
    });
    opened.events.emit('run.prediction', {
      run: 'r',
      step: 1,
      predictions: [
        {
          example: { split: 'test', index: 0 },
          puzzle: 'p',
          tokens: Uint8Array.of(1, 2),
          confidence: Uint8Array.of(3),
          q_halt: NaN,
          wrong: 0,
        },
      ],
    });
    await call('app.info', {});
    const event = frames.find((f) => 'event' in f && f.event === 'run.prediction') as {
      payload: { predictions: { tokens: unknown; q_halt: number }[] };
    };
    expect(event.payload.predictions[0].tokens).toEqual(Uint8Array.of(1, 2));
    expect(event.payload.predictions[0].q_halt).toBeNaN();
  });
});
