/** Tensors and native handles after 300 steps are those after 20: nothing is lost in a step, an evaluation or a snapshot. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { memoryUse } from '../../src/core/backend/memory';
import { openData } from '../../src/core/data/merged';
import { TrainSampler } from '../../src/core/data/sampler';
import { evaluateBatches, predictPinned } from '../../src/core/act/evaluate';
import { Trainer } from '../../src/core/train/trainer';
import { tinyConfig, writeTinyDataset } from './fixture';

it.each([
  { name: 'rotary attention', arch: {} },
  { name: 'MLP over the sequence', arch: { mlp_t: true, pos_encodings: 'none' as const } },
])('holds as much after 300 steps as after 20 ($name)', async ({ arch }) => {
  const backend = await loadBackend();
  const home = mkdtempSync(join(tmpdir(), 'trm-leak-'));
  const before = memoryUse();
  const config = tinyConfig({ arch });
  const data = openData([writeTinyDataset(join(home, 'data'))], []);
  const { seq_len, vocab_size } = data.train.metadata;
  const spec = { arch: config.arch, seq_len, vocab_size, num_puzzle_identifiers: data.numPuzzleIdentifiers };
  const trainer = new Trainer(config, spec, 1000, null);
  const sampler = new TrainSampler(data.train, { batchSize: 6, epochs: 1000, seed: 0 });
  const train = async (steps: number) => {
    for (let i = 0; i < steps; i++) {
      const batch = sampler.next();
      if (!batch) throw new Error('the data ended');
      trainer.run(batch);
    }
    const source = { model: trainer.evaluated('ema'), puzzles: trainer.puzzles };
    await evaluateBatches(source, data.test?.batches(6) ?? [], () => false);
    predictPinned(source, data.train.batch([0]), [{ split: 'train', index: 0 }], ['puzzle-1']);
    await trainer.snapshot();
    return memoryUse();
  };
  const burnt = await train(20);
  const after = await train(280);
  expect(after.tensors).toBe(burnt.tensors);
  expect(after.native_handles).toBe(burnt.native_handles);
  // Every tensor has its own handle once it has been used: more would be held natively unseen.
  if (backend.backend === 'tensorflow') expect(after.native_handles).toBeLessThanOrEqual(after.tensors);

  trainer.dispose();
  expect(memoryUse().tensors).toBe(before.tensors);
  expect(memoryUse().native_handles).toBe(before.native_handles);
  data.close();
  rmSync(home, { recursive: true, force: true });
});
