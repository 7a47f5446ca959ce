/** A start that is refused after its network was made leaves none of its tensors behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { startTraining } from '../../src/compute/train-job';
import { loadBackend } from '../../src/core/backend/load';
import { memoryUse } from '../../src/core/backend/memory';
import { writeCheckpoint } from '../../src/core/checkpoint/native/checkpoint';
import { TrainSampler } from '../../src/core/data/sampler';
import { openData } from '../../src/core/data/merged';
import { checkpointModel, scratchModels } from '../../src/core/solve/model';
import { Trainer } from '../../src/core/train/trainer';
import { SolveOptionsSchema } from '../../src/shared/solve';
import { tinyConfig, writeTinyDataset } from './fixture';

let home: string;
let data: string;
beforeAll(async () => {
  await loadBackend();
  home = mkdtempSync(join(tmpdir(), 'trm-refused-'));
  data = writeTinyDataset(join(home, 'data'));
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const held = () => {
  const { tensors, native_handles } = memoryUse();
  return { tensors, native_handles };
};
const options = SolveOptionsSchema.parse({ views: 4, max_steps: 1 });

it('of a run whose load_checkpoint is not there', async () => {
  const before = held();
  const job = startTraining(
    {
      type: 'train',
      job: 'j',
      run: 'r',
      config: { ...tinyConfig(), load_checkpoint: join(home, 'nothing.safetensors') },
      data_paths: [data],
      data_paths_test: [],
      run_dir: home,
      resume_from: null,
      pinned: [],
    },
    () => undefined,
  );
  await expect(job.ended).rejects.toThrow('nothing.safetensors');
  expect(held()).toEqual(before);
});

it('of a solve whose checkpoint cannot be taken', async () => {
  const opened = openData([data], []);
  const config = tinyConfig();
  const { seq_len, vocab_size } = opened.train.metadata;
  const spec = { arch: config.arch, seq_len, vocab_size, num_puzzle_identifiers: opened.numPuzzleIdentifiers };
  const trainer = new Trainer(config, spec, 10, null);
  const sampler = new TrainSampler(opened.train, { batchSize: 6, epochs: 1, seed: 0 });
  const path = join(home, 'step_0.safetensors');
  const snapshot = await trainer.snapshot();
  await writeCheckpoint(path, {
    snapshot,
    identifiers: new Uint8Array(0),
    meta: {
      schema: 1,
      config,
      ...spec,
      kind: 'arc',
      rows: opened.rows,
      columns: opened.columns,
      step: 0,
      total_steps: 10,
      seconds: 0,
      sampler: sampler.state(),
      exploration: snapshot.exploration,
      evaluated: null,
      evaluation_due: false,
    },
  });
  trainer.dispose();
  opened.close();
  const before = held();
  vi.spyOn(Trainer.prototype, 'load').mockImplementation(() => {
    throw new Error('It does not fit.');
  });
  await expect(checkpointModel(path, options)).rejects.toThrow('It does not fit.');
  expect(held()).toEqual(before);
});

it('of a solve from nothing whose second network cannot be made', () => {
  const before = held();
  let made = 0;
  // Each network asks for the seed once.
  const asked = Object.defineProperty({ ...options }, 'seed', {
    enumerable: true,
    get: () => {
      if (++made > 1) throw new Error('No more memory.');
      return 1;
    },
  });
  expect(() => scratchModels(asked, 3)).toThrow('No more memory.');
  expect(held()).toEqual(before);
});
