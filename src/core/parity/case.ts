/**
 * A parity case on disk, as the PyTorch reference traced it: `config.json`, `weights.safetensors` or `step_0` (the first
 * weights), `train.safetensors`, `metrics.json`, `eval.safetensors`. Only the first two are needed; what else is missing
 * is named.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCH_NAMES, reads, type ArchName } from '../../shared/architectures';
import { checkConfig, configFields } from '../../shared/config-fields';
import { TrainConfigSchema, type TrainConfig } from '../../shared/config';
import { StudioError } from '../../shared/errors';
import { openTensorFile } from '../checkpoint/formats/open';
import { readSafetensors, type NamedTensor } from '../checkpoint/formats/safetensors';
import { readFloat32 } from '../checkpoint/formats/tensor-file';
import { IGNORE_LABEL, type Batch } from '../data/batch';
import type { ModelSpec } from '../model/architecture';
import { architectureOf } from '../model/registry';

export type Tensors = ReadonlyMap<string, NamedTensor>;

export interface ParityCase {
  name: string;
  config: TrainConfig;
  spec: ModelSpec;
  totalSteps: number;
  /** First weights by parameter name, without the puzzle embedding. */
  weights: Map<string, Float32Array>;
  /** [rows, puzzle_emb_ndim]; null without puzzle embeddings. */
  embedding: Float32Array | null;
  /** Training batches, step 1 first; empty without train.safetensors. */
  batches: Batch[];
  train: Tensors;
  evaluation: Tensors | null;
  metrics: Readonly<Record<string, number>>[] | null;
  /** Files and tensors that were not there, and keys that mean nothing here. */
  notes: string[];
}

export const CASE_FILES: readonly string[] = [
  'config.json',
  'weights.safetensors',
  'step_0',
  'train.safetensors',
  'metrics.json',
  'eval.safetensors',
];
/** The case's reference of every parameter stands behind one of these. */
const PREFIX = /^(_orig_mod\.)?(model\.)?(inner\.)?/;
export const EMBEDDING = 'puzzle_emb.weights';

const broken = (folder: string, what: string): StudioError => new StudioError('bad_input', `${folder}: ${what}.`);

/** @throws StudioError with one sentence that names the folder, if the case cannot be run at all */
export async function loadCase(folder: string, name: string): Promise<ParityCase> {
  const notes: string[] = [];
  const optional = async <T>(file: string, read: (path: string) => Promise<T>): Promise<T | null> => {
    try {
      return await read(join(folder, file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      notes.push(`without ${file}`);
      return null;
    }
  };
  const tensors = async (path: string): Promise<Tensors> => (await readSafetensors(path)).tensors;
  const json = (await optional('config.json', readJson)) as unknown;
  if (json === null) throw broken(folder, 'there is no config.json');
  const { config, spec, totalSteps, steps } = readConfig(json, folder, notes);
  const first = (await optional('weights.safetensors', tensors)) ?? (await optional('step_0', ofTorch));
  if (!first) throw broken(folder, 'there is no weights.safetensors and no step_0');
  const train = (await optional('train.safetensors', tensors)) ?? new Map<string, NamedTensor>();
  const evaluation = await optional('eval.safetensors', tensors);
  const metrics = await optional('metrics.json', readJson);
  if (metrics !== null && !isRecords(metrics)) throw broken(folder, 'metrics.json is not a list of records');

  const batches = readBatches(train, spec, config, folder);
  if (batches.length < steps) notes.push(`batches for ${batches.length} of ${steps} steps`);
  // An average is kept where the trace has one, unless the config says.
  const averaged = hasAny(train, 'ema.') || (asRecord(asRecord(json).train).ema ?? false) === true;
  return {
    name,
    config: { ...config, ema: averaged },
    spec,
    totalSteps,
    ...firstWeights(first, spec, folder),
    batches,
    train,
    evaluation,
    metrics,
    notes,
  };
}

/** The first weights as torch.save wrote them. */
async function ofTorch(path: string): Promise<Tensors> {
  const file = openTensorFile(path);
  try {
    return new Map(
      [...file.tensors].map(([name, { shape }]) => [name, { shape, data: readFloat32(file, name) }] as const),
    );
  } finally {
    file.close();
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new StudioError('damaged', `${path} is not JSON: use another copy of it.`);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const asRecord = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});
const isRecords = (value: unknown): value is Record<string, number>[] => Array.isArray(value) && value.every(isRecord);
export const hasAny = (tensors: Tensors, prefix: string): boolean =>
  [...tensors.keys()].some((key) => key.startsWith(prefix));

/** What the trace's arch section holds besides the model's own keys. */
const SIZES = ['seq_len', 'vocab_size', 'num_puzzle_identifiers'] as const;

function readConfig(json: unknown, folder: string, notes: string[]) {
  const file = asRecord(json);
  if (!isRecord(file.arch) || !isRecord(file.train)) throw broken(folder, 'config.json has no arch and train sections');
  const { batch_size, ...arch } = file.arch;
  const sizes = SIZES.map((key) => [key, wholeNumber(arch[key], `arch.${key}`, folder)]);
  for (const key of SIZES) delete arch[key];
  const { total_steps, ...train } = file.train;
  const known = new Set(configFields().map((field) => field.path));
  const keep = (section: Record<string, unknown>, prefix: string) => {
    const entries = Object.entries(section).filter(([key, value]) => {
      const path = prefix + key;
      if (known.has(path) || isRecord(value)) return true;
      notes.push(`${path} ignored`);
      return false;
    });
    return Object.fromEntries(entries);
  };
  const rows = train.global_batch_size ?? batch_size;
  const candidate = {
    ...keep(train, ''),
    global_batch_size: rows,
    arch: keep(arch, 'arch.'),
    // Nothing is scheduled by epochs here.
    epochs: 1,
    eval_interval: 1,
  };
  // A key that the architecture does not read may hold anything.
  const ignored = (path: string, name: ArchName) => path.startsWith('arch.') && !reads(name, path.slice(5));
  const issue = checkConfig(candidate).find(({ path }) => !(isArch(arch.name) && ignored(path, arch.name)));
  if (issue) throw broken(folder, `config.json does not fit: ${issue.message.replace(/\.$/, '')}`);
  const config = TrainConfigSchema.parse(candidate);
  if (config.arch.forward_dtype !== 'float32') {
    throw broken(folder, `arch.forward_dtype is ${config.arch.forward_dtype}, and parity is defined for float32`);
  }
  if (config.arch.halt_exploration_prob > 0) {
    const probability = config.arch.halt_exploration_prob;
    throw broken(
      folder,
      `arch.halt_exploration_prob is ${probability}, and PyTorch’s random numbers cannot be repeated`,
    );
  }
  const spec: ModelSpec = { arch: config.arch, ...(Object.fromEntries(sizes) as Omit<ModelSpec, 'arch'>) };
  return {
    config,
    spec,
    totalSteps: wholeNumber(total_steps, 'train.total_steps', folder),
    steps: typeof file.steps === 'number' ? file.steps : 0,
  };
}

const isArch = (name: unknown): name is ArchName => (ARCH_NAMES as readonly unknown[]).includes(name);

function wholeNumber(value: unknown, key: string, folder: string): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw broken(folder, `${key} in config.json is ${JSON.stringify(value) ?? 'missing'}, not a whole number above 0`);
}

export const parameterName = (key: string): string => key.replace(PREFIX, '');

function firstWeights(tensors: Tensors, spec: ModelSpec, folder: string): Pick<ParityCase, 'weights' | 'embedding'> {
  const given = new Map([...tensors].map(([key, tensor]) => [parameterName(key), tensor]));
  const { puzzle_emb_ndim: width } = spec.arch;
  const wanted = new Map(
    architectureOf(spec.arch.name)
      .parameters(spec)
      .map(({ name, shape }) => [name, shape]),
  );
  if (width > 0) wanted.set(EMBEDDING, [spec.num_puzzle_identifiers, width]);
  const unexpected = [...given.keys()].filter((name) => !wanted.has(name));
  if (unexpected.length)
    throw broken(folder, `the first weights have ${unexpected[0]}, which ${spec.arch.name} has not`);
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of wanted) {
    const tensor = given.get(name);
    if (!tensor) throw broken(folder, `the first weights have no ${name}`);
    if (tensor.shape.join() !== shape.join() || !(tensor.data instanceof Float32Array)) {
      const shapes = `[${tensor.shape.join(', ')}] where float32 [${shape.join(', ')}] is needed`;
      throw broken(folder, `${name} of the first weights is ${shapes}`);
    }
    values.set(name, tensor.data);
  }
  const embedding = values.get(EMBEDDING) ?? null;
  values.delete(EMBEDDING);
  return { weights: values, embedding };
}

function readBatches(train: Tensors, spec: ModelSpec, config: TrainConfig, folder: string): Batch[] {
  const batches: Batch[] = [];
  while (train.has(`step${batches.length + 1}.batch.inputs`)) {
    batches.push(batchOf(train, `step${batches.length + 1}.`, spec, folder));
  }
  const odd = batches.find((batch) => batch.size !== config.global_batch_size);
  if (odd) {
    throw broken(folder, `its batches have ${odd.size} rows, global_batch_size is ${config.global_batch_size}`);
  }
  return batches;
}

/** @throws StudioError if a tensor is missing or of another size */
export function batchOf(tensors: Tensors, prefix: string, spec: ModelSpec, folder: string): Batch {
  const integers = (name: string, per: number, rows?: number): Int32Array => {
    const tensor = tensors.get(`${prefix}batch.${name}`);
    if (!tensor) throw broken(folder, `there is no ${prefix}batch.${name}`);
    const values = Int32Array.from(tensor.data as ArrayLike<number | bigint>, Number);
    if (values.length % per !== 0 || (rows !== undefined && values.length !== rows * per)) {
      throw broken(folder, `${prefix}batch.${name} has shape [${tensor.shape.join(', ')}], which does not fit`);
    }
    return values;
  };
  const ids = integers('puzzle_identifiers', 1);
  const size = ids.length;
  const inputs = integers('inputs', spec.seq_len, size);
  const labels = integers('labels', spec.seq_len, size);
  const outside = inputs.find((token) => token < 0 || token >= spec.vocab_size);
  if (outside !== undefined) throw broken(folder, `${prefix}batch.inputs has token ${outside}, beyond the vocabulary`);
  const strange = labels.find((label) => label !== IGNORE_LABEL && (label < 0 || label >= spec.vocab_size));
  if (strange !== undefined) throw broken(folder, `${prefix}batch.labels has ${strange}, beyond the vocabulary`);
  const stray = ids.find((id) => id < 0 || id >= spec.num_puzzle_identifiers);
  if (stray !== undefined) throw broken(folder, `${prefix}batch.puzzle_identifiers has ${stray}, beyond the embedding`);
  return { size, filled: size, inputs, labels, puzzle_identifiers: ids };
}
