/** A new run from what the form or the command line gives: config checked, dataset found, built or adopted. */
import { resolve } from 'node:path';
import { parseConfig } from '../../shared/config-fields';
import type { DatasetSummary } from '../../shared/contract/datasets';
import type { Parsed } from '../../shared/contract';
import { StudioError } from '../../shared/errors';
import { timestamp } from '../clock';
import type { Context } from '../context';
import type { Datasets } from '../datasets/datasets';
import { newId } from '../ids';
import type { RunRecord } from '../repositories/runs';

/** @throws StudioError `bad_input` for a config with a fault in it, or no data; `conflict` if the dataset cannot be used */
export function newRun(context: Context, datasets: Datasets, input: Parsed<'runs.create'>): RunRecord {
  const config = parseConfig(input.config);
  const dataset = datasetFor(datasets, input);
  // The dataset is what is trained on; folders of the config are only taken where no dataset is named.
  if (input.dataset !== null || input.recipe !== null) config.data_paths = [];
  else config.data_paths = config.data_paths.map((path) => resolve(path));
  // The command line's are relative to where it was started; a run may go on from another folder.
  const whole = (path: string | null): string | null => path && resolve(path);
  config.data_paths_test = config.data_paths_test.map((path) => resolve(path));
  config.checkpoint_path = whole(config.checkpoint_path);
  config.load_checkpoint = whole(config.load_checkpoint);
  config.studio.tensorboard_dir = whole(config.studio.tensorboard_dir);
  const now = timestamp();
  return {
    id: newId(),
    name: input.name,
    preset: input.preset,
    status: 'queued',
    reason: null,
    dataset: dataset.id,
    dataset_name: dataset.name,
    kind: dataset.kind,
    grid_rows: dataset.rows,
    grid_columns: dataset.columns,
    created: now,
    updated: now,
    queued_at: now,
    step: 0,
    total_steps: 0,
    seconds: 0,
    steps_per_s: null,
    best_exact_accuracy: null,
    last_exact_accuracy: null,
    last_lm_loss: null,
    config,
    backend: null,
    parameters: null,
    embedding_rows: null,
    flops_per_step: null,
    notes: [],
    pinned: input.pinned ?? [],
    owner: context.owner,
    compute_owner: null,
    resume_at_start: false,
  };
}

function datasetFor(datasets: Datasets, input: Parsed<'runs.create'>): DatasetSummary {
  if (input.dataset !== null) {
    const dataset = datasets.get(input.dataset);
    if (dataset.status === 'failed') {
      throw new StudioError(
        'conflict',
        `The dataset ${dataset.name} could not be built (${dataset.error}): build it again first.`,
      );
    }
    return dataset;
  }
  if (input.recipe !== null) return datasets.build(datasetName(input.preset, input.name), input.recipe);
  const [first, ...others] = input.config.data_paths.map((path) => datasets.adopt(path));
  if (!first) {
    throw new StudioError('bad_input', 'The run has no data: choose a dataset, or name a folder in data_paths.');
  }
  const misfit = others.find(
    (d) => d.kind !== first.kind || d.seq_len !== first.seq_len || d.vocab_size !== first.vocab_size,
  );
  if (misfit) {
    throw new StudioError(
      'bad_input',
      `${misfit.path} does not fit ${first.path}: train on datasets of one kind and canvas.`,
    );
  }
  return first;
}

const datasetName = (preset: string | null, run: string): string => preset ?? run;

/**
 * What is pinned where nothing was chosen: a few test examples, evenly spread over the split, so that every run shows
 * learning in puzzles. Falls back on training examples where there is no test split.
 */
export function defaultPins(datasets: Datasets, dataset: string, count = 6): RunRecord['pinned'] {
  for (const split of ['test', 'train'] as const) {
    const { total } = datasets.examples({ dataset, split, offset: 0, limit: 1 });
    const n = Math.min(count, total);
    const picks = Array.from({ length: n }, (_, i) => Math.floor((i * total) / n));
    const examples = picks.flatMap((offset) => datasets.examples({ dataset, split, offset, limit: 1 }).examples);
    if (examples.length) return examples.map((e) => e.example);
  }
  return [];
}
