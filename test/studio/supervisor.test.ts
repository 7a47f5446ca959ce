import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Events } from '../../src/shared/contract';
import { StudioEvents } from '../../src/studio/emitter';
import { openLog, silentLog as log } from '../../src/studio/log';
import { isAlive, ownerOf, pidOf, residentBytes } from '../../src/studio/owner';
import { usableThreads } from '../../src/core/backend/threads';
import type { ComputeSettings } from '../../src/shared/contract/app';
import { computeEnv, DEFAULT_COMPUTE, tensorThreads } from '../../src/studio/supervisor/env';
import { ComputeProcess } from '../../src/studio/supervisor/process';
import { Supervisor } from '../../src/studio/supervisor/supervisor';
import { BACKEND } from './fixtures';
import { freshFolder } from './home';
import { eventually, ScriptedCompute } from './scripted-compute';

const probe = (job: string) => ({ type: 'probe' as const, job });

describe('a compute process', () => {
  const listener = () => {
    const heard: string[] = [];
    return {
      heard,
      onMessage: (m: { type: string }) => heard.push(m.type),
      onLost: (sentence: string) => heard.push(`lost: ${sentence}`),
    };
  };

  it('is started by the first job, serves several, and tells all of them when it dies', () => {
    const compute = new ScriptedCompute();
    const process_ = new ComputeProcess('tensor', { factory: compute.factory, log });
    expect(compute.ports).toHaveLength(0);
    const [a, b] = [listener(), listener()];
    process_.run(probe('a'), a);
    process_.run(probe('b'), b);
    expect(compute.ports).toHaveLength(1);
    compute.ports[0].say({ type: 'backend', job: 'a', backend: BACKEND });
    compute.ports[0].say({ type: 'note', job: 'a', level: 'info', message: 'after its end' });
    compute.ports[0].say({ type: 'note', job: 'nobody', level: 'info', message: '' });
    compute.ports[0].exit({ code: null, signal: 'SIGSEGV' });
    expect(a.heard).toEqual(['backend']);
    expect(b.heard).toEqual([expect.stringMatching(/^lost: .*SIGSEGV/)]);
    process_.run(probe('c'), listener());
    expect(compute.ports).toHaveLength(2);
    // What the dead one still says is not heard.
    compute.ports[0].say({ type: 'backend', job: 'c', backend: BACKEND });
    expect(process_.alive).toBe(true);
  });

  it('gives its memory back after some time without a job', async () => {
    const compute = new ScriptedCompute();
    const process_ = new ComputeProcess('tensor', { factory: compute.factory, log, idleMs: 20 });
    process_.run(probe('a'), listener());
    compute.ports[0].say({ type: 'backend', job: 'a', backend: BACKEND });
    await eventually(() => !process_.alive, 'its end');
    expect(compute.ports[0].posted.at(-1)).toEqual({ type: 'exit' });
  });

  it('is killed where it does not end when asked to, and takes no job after that', async () => {
    const compute = new ScriptedCompute();
    compute.onPost = () => undefined;
    const process_ = new ComputeProcess('tensor', { factory: compute.factory, log });
    const job = listener();
    process_.run(probe('a'), job);
    await process_.close(20);
    expect(compute.ports[0].killed).toBe(true);
    expect(job.heard).toEqual([expect.stringContaining('lost: The compute process was killed')]);
    const late = listener();
    process_.run(probe('b'), late);
    expect(late.heard).toEqual(['lost: TRM Studio is closing.']);
  });
});

describe('the supervisor', () => {
  it('finds out what backend there is, and says so; a failure is said too, and does not stay', async () => {
    const compute = new ScriptedCompute();
    const states: Events['compute.changed'][] = [];
    const events = new StudioEvents();
    events.on('compute.changed', (state) => states.push(state));
    const supervisor = new Supervisor(compute.factory, log, events);
    compute.onPost = (port, m) => {
      if (m.type === 'probe')
        port.say({ type: 'failed', job: m.job, step: null, error: { code: 'unavailable', message: 'No backend.' } });
    };
    expect(await supervisor.probe()).toEqual({ backend: null, error: 'No backend.' });
    expect(supervisor.state()).toMatchObject({ backend: null, error: 'No backend.' });
    compute.onPost = (port, m) => {
      if (m.type === 'probe') port.say({ type: 'backend', job: m.job, backend: BACKEND });
      if (m.type === 'exit') port.exit();
    };
    expect(await supervisor.probe()).toEqual({ backend: BACKEND, error: null });
    expect(states.at(-1)).toMatchObject({ backend: BACKEND, error: null, running: null });
    await supervisor.close(1000);
  });
});

describe('threads', () => {
  it('fill the machine once: TensorFlow takes the cores, building takes one, and the user’s own choice stands', () => {
    const cores = String(usableThreads());
    expect(computeEnv('tensor', DEFAULT_COMPUTE, 0, {})).toMatchObject({
      TF_NUM_INTRAOP_THREADS: cores,
      TF_NUM_INTEROP_THREADS: '1',
      OMP_NUM_THREADS: cores,
    });
    const build = computeEnv('build', DEFAULT_COMPUTE, 0, {});
    expect(build).toMatchObject({ TF_NUM_INTRAOP_THREADS: '1', OMP_NUM_THREADS: '1' });
    const own = computeEnv('tensor', DEFAULT_COMPUTE, 0, { OMP_NUM_THREADS: '3' });
    expect(own).not.toHaveProperty('OMP_NUM_THREADS');
  });

  it('are shared with what other studios train, unless they are set', () => {
    expect([0, 1, 2, 9].map((others) => tensorThreads(0, others, 8))).toEqual([8, 4, 2, 1]);
    expect(tensorThreads(6, 3, 8)).toBe(6);
    expect(computeEnv('tensor', { ...DEFAULT_COMPUTE, threads: 3 }, 5, {}).OMP_NUM_THREADS).toBe('3');
  });
});

describe('the GPU', () => {
  it('is chosen by number, hidden, or left to TensorFlow; XLA and memory growth are switches', () => {
    const env = (settings: Partial<ComputeSettings>) =>
      computeEnv('tensor', { ...DEFAULT_COMPUTE, ...settings }, 0, {});
    expect(env({})).not.toHaveProperty('CUDA_VISIBLE_DEVICES');
    expect(env({})).not.toHaveProperty('TF_XLA_FLAGS');
    expect(env({ gpu: '1' })).toMatchObject({ CUDA_VISIBLE_DEVICES: '1', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' });
    expect(env({ gpu: 'none' }).CUDA_VISIBLE_DEVICES).toBe('-1');
    expect(env({ xla: true }).TF_XLA_FLAGS).toBe('--tf_xla_auto_jit=2');
    expect(env({ gpu_memory_growth: false }).TF_FORCE_GPU_ALLOW_GROWTH).toBe('false');
    const asked = computeEnv('tensor', { ...DEFAULT_COMPUTE, gpu: '1' }, 0, { CUDA_VISIBLE_DEVICES: '0' });
    expect(asked).not.toHaveProperty('CUDA_VISIBLE_DEVICES');
  });
});

describe('an owner', () => {
  it('is a living process, and not another one that got its number', () => {
    const me = ownerOf(process.pid);
    expect(pidOf(me)).toBe(process.pid);
    expect(isAlive(me)).toBe(true);
    expect(isAlive('999999999')).toBe(false);
    expect(isAlive('0')).toBe(false);
    expect(isAlive('x')).toBe(false);
    if (process.platform === 'linux') {
      expect(isAlive(`${process.pid}:1`)).toBe(false);
      expect(residentBytes(process.pid)).toBeGreaterThan(2 ** 20);
    }
  });
});

describe('the log', () => {
  it('turns over instead of growing, and has the whole of an error', () => {
    const folder = freshFolder();
    const file = join(folder, 'studio.log');
    const own = openLog(folder);
    own.error('it broke', new Error('outer', { cause: new Error('inner') }));
    expect(readFileSync(file, 'utf8')).toMatch(/it broke: Error: outer\n\s+at .*\n[^]*caused by Error: inner/);
    const line = 'x'.repeat(1_000_000);
    for (let i = 0; i < 24; i++) own.info(line);
    for (const name of ['', '.1', '.2', '.3'])
      expect(statSync(`${file}${name}`).size, name).toBeLessThan(5.1 * 2 ** 20);
    expect(() => statSync(`${file}.4`)).toThrow();
  });

  it('never throws, wherever it is', () => {
    expect(() => openLog(join(freshFolder(), 'no', 'such')).info('x')).not.toThrow();
  });
});
