/** The loop by itself, with a host that remembers: what is told and saved, and in which order. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { openData, type OpenData } from '../../src/core/data/merged';
import { TrainSampler } from '../../src/core/data/sampler';
import { LoopControl } from '../../src/core/train/control';
import { trainLoop, type LoopHost, type TrainingRun } from '../../src/core/train/loop';
import { totalSteps } from '../../src/core/train/schedule';
import { Trainer } from '../../src/core/train/trainer';
import { StudioError } from '../../src/shared/errors';
import type { TrainConfigInput } from '../../src/shared/config';
import { tinyConfig, writeTinyDataset } from './fixture';

let home: string;
let data: OpenData;
beforeAll(async () => {
  await loadBackend();
  home = mkdtempSync(join(tmpdir(), 'trm-loop-'));
  data = openData([writeTinyDataset(join(home, 'data'))], []);
});
afterAll(() => {
  data.close();
  rmSync(home, { recursive: true, force: true });
});

function setUp(overrides: TrainConfigInput): TrainingRun {
  const config = tinyConfig(overrides);
  const { seq_len, vocab_size } = data.train.metadata;
  const spec = { arch: config.arch, seq_len, vocab_size, num_puzzle_identifiers: data.numPuzzleIdentifiers };
  const epochs = config.eval_interval ?? config.epochs;
  return {
    config,
    data,
    trainer: new Trainer(config, spec, totalSteps(config, data.train.metadata), null),
    sampler: new TrainSampler(data.train, { batchSize: config.global_batch_size, epochs, seed: config.seed }),
    seconds: 0,
    evaluated: null,
    evaluationDue: false,
  };
}

interface Told {
  host: LoopHost;
  /** "evaluation 6", "save end 6", "status paused 3", in their order. */
  words: string[];
  seconds: number[];
}

/** @param hear is called after each word, as a person would act on what the screen shows */
function listener(hear: (word: string) => void = () => undefined): Told {
  const told: Told = { words: [], seconds: [], host: null as unknown as LoopHost };
  const say = (word: string) => {
    told.words.push(word);
    hear(word);
  };
  told.host = {
    metrics: ({ steps, seconds }) => {
      told.seconds.push(...seconds);
      hear(`metrics ${steps[steps.length - 1]}`);
    },
    evaluation: (step) => say(`evaluation ${step}`),
    status: (status, step) => say(`status ${status} ${step}`),
    note: say,
    checkpoint: async (run, reason) => say(`save ${reason} ${run.trainer.step}`),
    puzzleName: () => 'x',
  };
  return told;
}

// 6 groups of 3 examples and batches of 6: an epoch is 3 steps.
it('evaluates and saves after every iteration, and ends after the last', async () => {
  const run = setUp({ epochs: 4, eval_interval: 2 });
  const { words, host } = listener();
  expect(await trainLoop(run, new LoopControl(), host)).toBe('done');
  expect(words).toEqual(['status running 0', 'evaluation 6', 'save evaluation 6', 'evaluation 12', 'save end 12']);
  run.trainer.dispose();
});

it('keeps the first evaluations out if asked, counted in intervals, but not the last', async () => {
  const evaluations = async (config: Parameters<typeof setUp>[0]) => {
    const run = setUp(config);
    const { words, host } = listener();
    await trainLoop(run, new LoopControl(), host);
    run.trainer.dispose();
    return words.filter((w) => w.startsWith('evaluation'));
  };
  // Intervals of 2 epochs are 6 steps: the first is left out.
  expect(await evaluations({ epochs: 6, eval_interval: 2, min_eval_interval: 1 })).toEqual([
    'evaluation 12',
    'evaluation 18',
  ]);
  expect(await evaluations({ epochs: 4, eval_interval: 1, min_eval_interval: 4 })).toEqual(['evaluation 12']);
});

it('stops at max_steps with an evaluation, and saves in between as asked', async () => {
  const run = setUp({ epochs: 400, eval_interval: null, studio: { max_steps: 7, checkpoint_every_steps: 3 } });
  const { words, host } = listener();
  expect(await trainLoop(run, new LoopControl(), host)).toBe('done');
  expect(words).toEqual(['status running 0', 'save interval 3', 'save interval 6', 'evaluation 7', 'save end 7']);
  run.trainer.dispose();
});

it('predicts pinned training puzzles where there is no test split, and measures nothing', async () => {
  const folder = writeTinyDataset(join(home, 'train only'));
  rmSync(join(folder, 'test'), { recursive: true });
  const trainOnly = openData([folder], []);
  const run = { ...setUp({ epochs: 2, eval_interval: null }), data: trainOnly };
  const { words, host } = listener();
  const told: unknown[] = [];
  host.evaluation = (step, _seconds, metrics, predictions) =>
    told.push([step, metrics, predictions.map(({ example }) => example)]);
  const pinned = [{ split: 'train' as const, index: 2 }];
  expect(await trainLoop(run, new LoopControl(pinned), host)).toBe('done');
  expect(told.at(-1)).toEqual([6, {}, pinned]);
  expect(words).toContain('The dataset has no test split: only the pinned training puzzles are predicted.');
  run.trainer.dispose();
  trainOnly.close();
});

it('saves what it has learned when memory runs out, and goes on with the batch that did not fit', async () => {
  const [run, whole] = [setUp({ epochs: 4, eval_interval: null }), setUp({ epochs: 4, eval_interval: null })];
  const { words, host } = listener();
  const { trainer } = run;
  const step = trainer.run.bind(trainer);
  let runs = 0;
  trainer.run = (batch) => {
    if (++runs === 5) throw new StudioError('too_large', 'It did not fit.', { out_of_memory: true, micro_batch: 3 });
    return step(batch);
  };
  await expect(trainLoop(run, new LoopControl(), host)).rejects.toThrow('It did not fit.');
  expect(words).toEqual(['status running 0', 'save stop 4']);
  // From here on it is the run that never stopped.
  expect(await trainLoop(run, new LoopControl(), listener().host)).toBe('done');
  expect(await trainLoop(whole, new LoopControl(), listener().host)).toBe('done');
  expect((await trainer.snapshot()).weights).toEqual((await whole.trainer.snapshot()).weights);
  trainer.dispose();
  whole.trainer.dispose();
});

it('comes back to an evaluation that a stop cut short', async () => {
  const run = setUp({ epochs: 4, eval_interval: 2 });
  const control = new LoopControl();
  // The flush before the evaluation is the last word before it begins.
  const first = listener((word) => word === 'metrics 6' && control.stop());
  expect(await trainLoop(run, control, first.host)).toBe('stopped');
  expect(first.words).toEqual(['status running 0', 'save evaluation 6']);
  expect(run.evaluationDue).toBe(true);
  const second = listener();
  expect(await trainLoop(run, new LoopControl(), second.host)).toBe('done');
  expect(second.words).toEqual(['status running 6', 'evaluation 6', 'evaluation 12', 'save end 12']);
  run.trainer.dispose();
});

it('does not count pauses as training time', async () => {
  const run = setUp({ epochs: 400, eval_interval: null, studio: { max_steps: 6 } });
  const control = new LoopControl();
  const PAUSE = 1500;
  const { host, words } = listener((word) => {
    if (word === 'save interval 3') control.pause();
    if (word.startsWith('status paused')) {
      setTimeout(() => control.save(), PAUSE - 100);
      setTimeout(() => control.resume(), PAUSE);
    }
  });
  run.config.studio.checkpoint_every_steps = 3;
  const before = Date.now();
  await trainLoop(run, control, host);
  expect(words).toContain('save asked 3');
  expect(Date.now() - before - run.seconds * 1000).toBeGreaterThan(PAUSE - 100);
  run.trainer.dispose();
});

it('goes on measuring when the clock is set back an hour: metrics are told, time grows, and its limit holds', async () => {
  const run = setUp({ epochs: 2000, eval_interval: 2000, studio: { max_minutes: 1 / 60, log_every_steps: 1 } });
  const real = Date.now;
  const begun = performance.now();
  // From the third clock reading on, as if the time server had corrected it.
  let readings = 0;
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => real() - (readings++ < 3 ? 0 : 3_600_000));
  let last = 0;
  const told = listener((word) => {
    if (word.startsWith('metrics')) last = performance.now() - begun;
  });
  try {
    // An hour later it would still train: it is stopped here long before.
    const control = new LoopControl([]);
    const late = setTimeout(() => control.stop(), 20_000);
    expect(await trainLoop(run, control, told.host)).toBe('done');
    clearTimeout(late);
  } finally {
    clock.mockRestore();
  }
  expect(last).toBeGreaterThan(0);
  expect(told.seconds.length).toBeGreaterThan(1);
  expect(told.seconds.every((s, i) => s >= (told.seconds[i - 1] ?? 0))).toBe(true);
});

it('refuses to go on when the loss is no number', async () => {
  const run = setUp({ epochs: 400, eval_interval: null });
  run.trainer.load(new Map([['lm_head.weight', new Float32Array(12 * 32).fill(NaN)]]), null);
  const error = await trainLoop(run, new LoopControl(), listener().host).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(StudioError);
  expect((error as StudioError).message).toMatch(/The loss is NaN at step 1/);
  run.trainer.dispose();
});
