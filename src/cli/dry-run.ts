/** `trm train --dry-run`: whether a run fits this machine and how long it takes, without starting it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Speed } from '../core/bench/speed';
import type { StepMemory } from '../core/train/step-memory';
import type { TrainConfig } from '../shared/config';
import type { DatasetRecipe } from '../shared/dataset';
import type { BackendInfo } from '../shared/doctor';
import { StudioError } from '../shared/errors';
import { readFacts } from '../studio/datasets/facts';
import { recipeSizes, totalSteps } from '../studio/estimate/estimate';
import { findTrainingData } from './find-data';
import { withStudio, type Globals } from './open';
import { bytes, print, printJson, table } from './output';
import { EXIT } from './usage';

interface Sizes {
  seq_len: number;
  vocab_size: number;
  num_puzzle_identifiers: number;
  train_groups: number;
  mean_puzzle_examples: number;
}

const NAMES: Readonly<Record<keyof StepMemory, string>> = {
  weights: 'weights',
  moments: 'the optimizer’s moments',
  average: 'average of the weights',
  gradients: 'sums of gradients',
  embedding: 'puzzle embedding',
  latents: 'latents',
  activations: 'activations of a part',
  attention: 'attention’s [T, T] tensors',
  graph: 'the graph itself',
};

export async function dryRun(
  config: TrainConfig,
  data: readonly string[],
  recipe: DatasetRecipe | null,
  options: Globals,
): Promise<number> {
  const [sizes, home] = await withStudio(options, (studio) => {
    return Promise.resolve([sizesOf(studio, data, recipe), studio.context.home.root] as const);
  });
  const { loadBackend } = await import('../core/backend/load');
  const { runsInBfloat16 } = await import('../core/backend/bfloat16');
  const { currentDevice } = await import('../core/backend/device');
  const { planGraph } = await import('../core/bench/graph');
  const { stepSeconds } = await import('../core/bench/speed');
  const info = await loadBackend();
  if (info.backend !== 'tensorflow') {
    throw new StudioError(
      'unavailable',
      `A step can be counted with TensorFlow only. ${info.why_not_better ?? ''}`.trim(),
    );
  }
  const { seq_len, vocab_size, num_puzzle_identifiers } = sizes;
  const plan = planGraph(config, { arch: config.arch, seq_len, vocab_size, num_puzzle_identifiers }, null);
  const speed = await knownSpeed(home, info, runsInBfloat16(config.arch.forward_dtype));
  const step_s = stepSeconds(plan.work, speed);
  const steps = totalSteps(config, sizes);
  const hours = (step_s * steps) / 3600;
  const { memory, fits, part, peak_bytes } = plan;
  const device = currentDevice();
  if (options.json) {
    const machine = {
      device: info.device,
      device_bytes: device.bytes,
      flops_per_s: speed.flops,
      bytes_per_s: speed.bytes,
    };
    printJson({ memory, peak_bytes, fits, micro_batch: part, step_s, steps, hours, ...machine });
    return EXIT.ok;
  }
  const rows = (Object.keys(NAMES) as (keyof StepMemory)[]).map((kind) => [NAMES[kind], bytes(memory[kind])]);
  print(table(['memory', 'size'], [...rows, ['all', bytes(peak_bytes)]], [1]));
  const batch = config.global_batch_size;
  const at = part < batch ? `${part} of ${batch} puzzles at a time` : `all ${batch} puzzles at once`;
  print(
    fits
      ? `\nIt fits ${info.device} with ${bytes(device.bytes)}, ${at}.`
      : `\nIt does not fit ${info.device} with ${bytes(device.bytes)}, even ${at}: choose a smaller model or another device.`,
  );
  print(
    `A step takes about ${step_s.toPrecision(2)} s, all ${steps} steps ${hours.toPrecision(2)} hours without evaluations.`,
  );
  return EXIT.ok;
}

function sizesOf(
  studio: Parameters<typeof findTrainingData>[0],
  data: readonly string[],
  recipe: DatasetRecipe | null,
): Sizes {
  const { dataset, folders } = findTrainingData(studio, data);
  const facts = dataset === null ? null : studio.context.store.datasets.get(dataset)?.facts;
  if (facts) return facts;
  if (folders.length) {
    const all = folders.map((folder) => readFacts(folder).facts);
    // Datasets that are trained on together have rows of the embedding one after another.
    const sum = (of: (one: (typeof all)[number]) => number) => all.reduce((n, one) => n + of(one), 0);
    const groups = sum((one) => one.train_groups);
    return {
      ...all[0],
      num_puzzle_identifiers: sum((one) => one.num_puzzle_identifiers),
      train_groups: groups,
      mean_puzzle_examples: sum((one) => one.train_groups * one.mean_puzzle_examples) / Math.max(1, groups),
    };
  }
  if (!recipe)
    throw new StudioError(
      'bad_input',
      'There is no data: name it with --data DIR, or use a preset with data of its own.',
    );
  const sizes = recipeSizes(studio.context.store, recipe);
  // At most: augmentations that come out the same share a row.
  const rows = recipe.kind === 'arc' ? sizes.train_groups * (1 + recipe.num_aug) : 0;
  return { ...sizes, num_puzzle_identifiers: 1 + rows };
}

/** Measured once for a device in a precision, with as many threads; kept in the home folder. */
async function knownSpeed(home: string, info: BackendInfo, bfloat16: boolean): Promise<Speed> {
  const file = join(home, 'device-speed.json');
  const key = [info.device, info.version, info.threads, bfloat16 ? 'bfloat16' : 'float32'].join(', ');
  let known: Record<string, Speed> = {};
  try {
    known = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Speed>;
  } catch {
    // Not measured yet, or not readable: measured again.
  }
  const found = known[key] as Speed | undefined;
  if (found && found.flops > 0 && found.bytes > 0) return found;
  const { measureSpeed } = await import('../core/bench/speed');
  const speed = measureSpeed(bfloat16);
  writeFileSync(file, `${JSON.stringify({ ...known, [key]: speed }, null, 2)}\n`);
  return speed;
}
