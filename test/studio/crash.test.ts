/**
 * A fault that nobody caught ends every process by one sentence and a code, and what runs is saved. The fault comes from
 * a file that Node loads before the entry: nothing of it is in the product.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it, describe } from 'vitest';
import { openDatabase } from '../../src/studio/db/open';
import { silentLog as log } from '../../src/studio/log';
import { openStore } from '../../src/studio/store';
import { builtEntries } from './build';
import { tinyDataset } from './fixtures';
import { freshFolder } from './home';
import { startEntry, treeOf, type Ended, type Running } from './processes';
import { eventually } from './scripted-compute';

beforeAll(async () => {
  await builtEntries();
});

const FAULTS = {
  'an exception': "setImmediate(() => { throw new Error('injected fault'); })",
  'a rejection': "Promise.reject(new Error('injected fault'))",
};

/** The environment in which every Node process has that fault when it gets SIGUSR2. */
function faulty(fault: string): NodeJS.ProcessEnv {
  const file = join(freshFolder(), 'fault.cjs');
  writeFileSync(file, `process.on('SIGUSR2', () => { ${fault}; });\n`);
  return { NODE_OPTIONS: `--require ${file}` };
}

const logOf = (home: string) => readFileSync(join(home, 'logs', 'studio.log'), 'utf8');

function saysSo(ended: Ended, home: string): void {
  expect(ended.code).toBe(1);
  const said = ended.stderr.split('\n').filter((line) => line.includes('unexpected fault'));
  expect(said).toHaveLength(1);
  expect(said[0]).toContain(join(home, 'logs', 'studio.log'));
  expect(ended.stderr).not.toMatch(/\n\s+at /);
  expect(logOf(home)).toContain('injected fault');
}

const TRAIN = [
  'arch.hidden_size=16',
  'arch.num_heads=2',
  'arch.L_layers=1',
  'arch.H_cycles=1',
  'arch.L_cycles=1',
  'arch.halt_max_steps=2',
  'arch.forward_dtype=float32',
  'global_batch_size=8',
  'epochs=100000',
  'evaluators=[]',
];

async function training(home: string, fault: string): Promise<Running> {
  const args = ['train', ...TRAIN, '--data', await tinyDataset(), '--name', 'crash', '--json', '--home', home];
  const running = await startEntry('cli', args, { env: faulty(fault) });
  await eventually(() => running.stdout().includes('"event":"metrics"'), 'the first metrics');
  return running;
}

/** The run, and the steps of its checkpoints. */
function kept(home: string) {
  const db = openDatabase(join(home, 'studio.db'), { log });
  try {
    const store = openStore(db);
    const [run] = store.runs.list();
    return { run, steps: store.checkpoints.list(run.id).map(({ step }) => step) };
  } finally {
    db.close();
  }
}

describe.each(Object.entries(FAULTS))('%s', (_what, fault) => {
  it('ends the server', async () => {
    const home = freshFolder();
    const server = await startEntry('server', ['--port', '0', '--home', home], { env: faulty(fault) });
    await eventually(() => server.stdout().includes('token='), 'the address');
    server.child.kill('SIGUSR2');
    saysSo(await server.ended, home);
  });

  it('ends the command line, which saves its run', async () => {
    const home = freshFolder();
    const running = await training(home, fault);
    running.child.kill('SIGUSR2');
    saysSo(await running.ended, home);
    const { run, steps } = kept(home);
    expect(run).toMatchObject({ status: 'stopped', owner: null, resume_at_start: true });
    // Saved at the step where it stood.
    expect(steps).toContain(run.step);
  });

  it('ends a compute process, whose run fails in one sentence', async () => {
    const home = freshFolder();
    const running = await training(home, fault);
    const [, compute] = treeOf(running.child.pid as number);
    process.kill(compute, 'SIGUSR2');
    const ended = await running.ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('Something went wrong inside TRM Studio');
    expect(ended.stderr).not.toMatch(/\n\s+at /);
    expect(logOf(home)).toContain('injected fault');
    expect(kept(home).run.status).toBe('failed');
  });
});
