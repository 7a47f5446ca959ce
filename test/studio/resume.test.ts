/** A run that is killed, or stopped, at any point and resumed gives the numbers of one that was left alone. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/studio/db/open';
import { silentLog as log } from '../../src/studio/log';
import { openStore } from '../../src/studio/store';
import { tinyDataset } from './fixtures';
import { freshFolder } from './home';
import { jsonLines, killTree, runCli, startEntry, treeOf, type Ended } from './processes';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { eventually } from './scripted-compute';

// What a clock measures differs from run to run.
const TIMED = new Set([
  'steps_per_s',
  'samples_per_s',
  'machine/memory_bytes',
  'machine/tensors',
  'machine/native_handles',
]);

const CONFIG = [
  'arch.hidden_size=16',
  'arch.num_heads=2',
  'arch.L_layers=1',
  'arch.H_cycles=1',
  'arch.L_cycles=1',
  'arch.halt_max_steps=3',
  'arch.puzzle_emb_len=1',
  'arch.expansion=1',
  'arch.forward_dtype=float32',
  'global_batch_size=8',
  'epochs=24',
  'eval_interval=4',
  'lr=1e-2',
  'lr_warmup_steps=3',
  'ema=True',
  'ema_rate=0.9',
  'evaluators=[]',
  'studio.checkpoint_every_steps=7',
  'studio.keep_checkpoints=2',
];
const STEPS = 96;

let root: string;
let data: string;
let expected: Record<string, unknown>;

function record(home: string): Record<string, unknown> {
  const db = openDatabase(join(home, 'studio.db'), { log });
  try {
    const store = openStore(db);
    const [run] = store.runs.list();
    const metrics: Record<string, [number, number][]> = {};
    for (const batch of store.metrics.batchesAfter(run.id, 0)) {
      for (const [name, values] of Object.entries(batch.values)) {
        if (TIMED.has(name)) continue;
        metrics[name] = batch.steps.map((step, i) => [step, values[i]]);
      }
    }
    return {
      status: run.status,
      step: run.step,
      best: run.best_exact_accuracy,
      last: run.last_exact_accuracy,
      loss: run.last_lm_loss,
      metrics,
      predictions: store.predictions.list(run.id).map(({ step, predictions }) => ({ step, predictions })),
    };
  } finally {
    db.close();
  }
}

const train = (home: string, ...more: string[]) => [
  'train',
  ...CONFIG,
  '--data',
  data,
  '--name',
  'tiny',
  '--json',
  '--home',
  home,
  ...more,
];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'trm-resume-'));
  data = await tinyDataset(join(root, 'data'));
  const home = join(root, 'whole');
  const whole = await runCli(train(home));
  expect(whole.stderr).toContain('is done at step 96 of 96');
  expect(whole.code).toBe(0);
  expected = record(home);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

it('a whole run stores every point of every metric, and every prediction', () => {
  const metrics = expected.metrics as Record<string, [number, number][]>;
  expect(metrics.lm_loss.map(([step]) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
  expect(metrics['eval/exact_accuracy'].map(([step]) => step)).toEqual([16, 32, 48, 64, 80, 96]);
  expect(
    (expected.predictions as { step: number; predictions: unknown[] }[]).map((p) => [p.step, p.predictions.length]),
  ).toEqual([16, 32, 48, 64, 80, 96].map((s) => [s, 6]));
});

describe('train --resume after SIGKILL of everything', () => {
  // Kill points by chance, but the same ones each time: a failure can be looked at again.
  let seed = 20261124;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;

  it.each([1, 2])(
    'gives the same numbers (%i)',
    async () => {
      const home = freshFolder();
      let args = train(home);
      let kills = 0;
      let end: Ended | null = null;
      while (!end) {
        const running = await startEntry('cli', args);
        let over = false;
        void running.ended.then(() => (over = true));
        if (kills < 3) {
          // Somewhere in the next thirty or so steps, then a little later: between, in, and while saving.
          const target = 3 + Math.floor(random() * 30);
          await eventually(
            () => over || jsonLines(running.stdout()).filter((e) => e.event === 'metrics').length >= target,
            'the kill point',
          );
          await new Promise((resolve) => setTimeout(resolve, random() * 120));
          killTree(running.child.pid as number);
          kills++;
        }
        const ended = await running.ended;
        if (ended.code === 0) end = ended;
        else if (ended.signal !== 'SIGKILL') throw new Error(ended.stderr);
        args = ['train', '--resume', 'tiny', '--json', '--home', home];
      }
      expect(record(home)).toEqual(expected);
      // Nothing of the killed processes is left beside the checkpoints that are recorded.
      const db = openDatabase(join(home, 'studio.db'), { log });
      const store = openStore(db);
      const [run] = store.runs.list();
      const { readdirSync } = await import('node:fs');
      const files = readdirSync(join(home, 'runs', run.id, 'checkpoints')).sort();
      expect(files).toEqual(
        store.checkpoints
          .list(run.id)
          .map((c) => `step_${c.step}.safetensors`)
          .sort(),
      );
      expect(store.events.list(run.id).filter((e) => e.level === 'warning').length).toBeGreaterThan(0);
      db.close();
    },
    120_000,
  );
});

it('a run whose processes use up their handles goes on in new ones, which nobody sees, and gives the same numbers', async () => {
  const home = freshFolder();
  const { stderr, stdout, code } = await runCli(train(home), { env: { TRM_HANDLE_LIMIT: '700' } });
  expect(code, stderr).toBe(0);
  const processes = (readFileSync(join(home, 'logs', 'studio.log'), 'utf8').match(/goes on in a new process/g) ?? [])
    .length;
  expect(processes).toBeGreaterThan(1);
  expect(record(home)).toEqual(expected);
  const steps = jsonLines(stdout).filter((e) => e.event === 'metrics').map((e) => e.step); // prettier-ignore
  expect(steps).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
  const db = openDatabase(join(home, 'studio.db'), { log });
  const store = openStore(db);
  const words = store.events.list(store.runs.list()[0].id).map(({ message }) => message);
  expect(words.filter((message) => /paused|stopped|continues|again|handles/i.test(message))).toEqual([]);
  db.close();
});

it('a compute process that outlives its studio is ended before the run goes on, which gives the same numbers', async () => {
  const home = freshFolder();
  const running = await startEntry('cli', train(home));
  await eventually(() => jsonLines(running.stdout()).some((e) => e.event === 'checkpoint'), 'a checkpoint');
  const [, compute] = treeOf(running.child.pid as number);
  // Held, so that it cannot notice that nobody listens any more.
  process.kill(compute, 'SIGSTOP');
  running.child.kill('SIGKILL');
  await running.ended;
  const resumed = await runCli(['train', '--resume', 'tiny', '--home', home]);
  expect(resumed.code).toBe(0);
  expect(record(home)).toEqual(expected);
  await eventually(
    () => !existsSync(`/proc/${compute}`) || readFileSync(`/proc/${compute}/stat`, 'utf8').includes(') Z'),
    'the end of the old process',
  );
}, 60_000);

it('train --resume after Ctrl-C gives the same numbers: saved and stopped, exit code 130', async () => {
  const home = freshFolder();
  const running = await startEntry('cli', train(home));
  await eventually(() => jsonLines(running.stdout()).some((e) => e.event === 'metrics' && (e.step as number) >= 20));
  running.child.kill('SIGINT');
  const stopped = await running.ended;
  expect(stopped.code).toBe(130);
  const events = jsonLines(stopped.stdout);
  expect(events.at(-1)).toMatchObject({ event: 'done', status: 'stopped' });
  expect(events.filter((e) => e.event === 'checkpoint').at(-1)?.step).toBe(events.at(-1)?.step);
  expect(stopped.stderr).toContain('--resume');
  const resumed = await runCli(['train', '--resume', 'tiny', '--home', home]);
  expect(resumed.code).toBe(0);
  expect(record(home)).toEqual(expected);
}, 60_000);

it('a second Ctrl-C ends at once, and the compute process with it', async () => {
  const home = freshFolder();
  const running = await startEntry('cli', train(home, '--max-steps', '90'));
  await eventually(() => jsonLines(running.stdout()).some((e) => e.event === 'metrics'));
  const tree = treeOf(running.child.pid as number);
  expect(tree.length).toBeGreaterThan(1);
  running.child.kill('SIGINT');
  await eventually(() => running.stderr().includes('Saving'));
  running.child.kill('SIGINT');
  const ended = await running.ended;
  expect(ended.code).toBe(130);
  await eventually(
    () => tree.every((pid) => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z')),
    'the end of all processes',
  );
}, 60_000);
