/**
 * The studio's checkpoint: one safetensors file from which a run goes on exactly. Tensors by group:
 * `weights.NAME` (with `weights.puzzle_emb.weights`), `ema.NAME`, `adam_m.NAME`, `adam_v.NAME`, `latents.NAME`,
 * `carry.{tokens,labels,puzzle_identifiers,steps,halted}`, and `identifiers` (the JSON list of puzzle names, as bytes).
 * NAME is the reference's state-dict name. `__metadata__` holds `format`, `trm` (CheckpointMeta as JSON) and the sha256 of
 * the data.
 */
import { createHash, type Hash } from 'node:crypto';
import { StudioError } from '../../../shared/errors';
import type { ModelSpec } from '../../model/architecture';
import { architectureOf } from '../../model/registry';
import type { TrainerSnapshot } from '../../train/trainer';
import { emptyCarry } from '../../act/carry';
import type { WrittenFile } from '../../lib/atomic';
import { streamSafetensors, writeSafetensors, type StreamedShape } from '../formats/safetensors-write';
import { openFile, readBytes } from '../../lib/open-file';
import { readDescription, type CheckpointMeta } from './description';
import { dtypeOf, SafetensorsFile, type NamedTensor, type TensorData } from '../formats/safetensors';
import { elements } from '../formats/tensor-file';

const FORMAT = 'trm-studio-checkpoint';
/** What a step_N of torch.save begins with: "PK", 3, 4. */
const ZIP = 0x504b0304;

export type { CheckpointMeta } from './description';

export interface StudioCheckpoint {
  meta: CheckpointMeta;
  snapshot: TrainerSnapshot;
  /** `identifiers.json` as it stands; empty if the dataset has none. */
  identifiers: Uint8Array;
}

export function specOf(meta: CheckpointMeta): ModelSpec {
  const { seq_len, columns, vocab_size, num_puzzle_identifiers } = meta;
  return { arch: meta.config.arch, seq_len, columns, vocab_size, num_puzzle_identifiers };
}

const GROUPS = { weights: 'weights', m: 'adam_m', v: 'adam_v', ema: 'ema', latents: 'latents' } as const;
type Group = keyof typeof GROUPS;
const CARRY = ['tokens', 'labels', 'puzzle_identifiers', 'steps', 'halted'] as const;
export const EMBEDDING = 'weights.puzzle_emb.weights';

/** A table that is read or made while it is written. */
export interface StreamedTable {
  rows: number;
  /** Of whole rows, float32. Asked for twice: for the checksum and for the file. */
  pieces(): Iterable<Float32Array>;
}

/** Weights from elsewhere, as the checkpoint of a run that can be played back, evaluated and trained on. */
export function writeImported(
  path: string,
  meta: CheckpointMeta,
  weights: ReadonlyMap<string, Float32Array>,
  table: StreamedTable | null,
  identifiers: Uint8Array,
): Promise<WrittenFile> {
  const tensors = new Map<string, StreamedShape>();
  for (const { name, shape, trained } of architectureOf(meta.config.arch.name).parameters(specOf(meta))) {
    const tensor = streamed({ shape, data: weights.get(name) as Float32Array });
    tensors.set(`weights.${name}`, tensor);
    // What the reference saves of a run with averages are the averages: training goes on from them.
    if (meta.config.ema && trained) tensors.set(`ema.${name}`, tensor);
  }
  if (table) {
    const width = meta.config.arch.puzzle_emb_ndim;
    tensors.set(EMBEDDING, {
      dtype: 'F32',
      shape: [table.rows, width],
      bytes: table.rows * width * 4,
      *pieces() {
        for (const { buffer, byteOffset, byteLength } of table.pieces()) {
          yield new Uint8Array(buffer, byteOffset, byteLength);
        }
      },
    });
  }
  tensors.set('identifiers', streamed({ shape: [identifiers.length], data: identifiers }));
  return writeStreamed(path, { ...meta, weights_only: true }, tensors);
}

function streamed({ shape, data }: NamedTensor): StreamedShape {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { dtype: dtypeOf(data), shape, bytes: bytes.length, pieces: () => [bytes] };
}

async function writeStreamed(
  path: string,
  meta: CheckpointMeta,
  tensors: ReadonlyMap<string, StreamedShape>,
): Promise<WrittenFile> {
  const hash = createHash('sha256');
  for (const tensor of tensors.values()) {
    for await (const piece of tensor.pieces()) updateHash(hash, piece);
  }
  return streamSafetensors(path, tensors, {
    format: FORMAT,
    trm: JSON.stringify(meta),
    data_sha256: hash.digest('hex'),
  });
}

/**
 * @param folder see `writeAtomically`
 * @throws file system errors; a file that was there before is then untouched.
 */
export async function writeCheckpoint(
  path: string,
  checkpoint: StudioCheckpoint,
  folder: 'make' | 'there' = 'make',
): Promise<WrittenFile> {
  const { meta, snapshot, identifiers } = checkpoint;
  const spec = specOf(meta);
  const shapes = new Map(
    architectureOf(meta.config.arch.name)
      .parameters(spec)
      .map((p) => [p.name, p.shape]),
  );
  const B = snapshot.carry.halted.length;
  const tensors = new Map<string, NamedTensor>();
  for (const group of Object.keys(GROUPS) as Group[]) {
    for (const [name, data] of snapshot[group]) {
      const D = spec.arch.hidden_size;
      const shape = group === 'latents' ? [B, data.length / B / D, D] : (shapes.get(name) ?? [data.length]);
      tensors.set(`${GROUPS[group]}.${name}`, { shape, data });
    }
  }
  const width = meta.config.arch.puzzle_emb_ndim;
  if (width) {
    const data = snapshot.puzzleEmbedding;
    tensors.set(EMBEDDING, { shape: [data.length / width, width], data });
  }
  for (const name of CARRY) {
    const data = snapshot.carry[name];
    tensors.set(`carry.${name}`, { shape: data.length === B ? [B] : [B, data.length / B], data });
  }
  tensors.set('identifiers', { shape: [identifiers.length], data: identifiers });
  const about = { format: FORMAT, trm: JSON.stringify(meta), data_sha256: await digest(tensors.values()) };
  return writeSafetensors(path, tensors, about, folder);
}

async function digest(tensors: Iterable<{ data: TensorData }>): Promise<string> {
  const hash = createHash('sha256');
  for (const { data } of tensors) updateHash(hash, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

/** Node hashes less than 2 GiB at a time; a table may be larger. */
function updateHash(hash: Hash, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; at += 2 ** 28) hash.update(bytes.subarray(at, at + 2 ** 28));
}

export interface OpenCheckpoint {
  meta: CheckpointMeta;
  file: SafetensorsFile;
}

/** Opens a checkpoint for reading parts of it; the caller closes the file. @throws StudioError as `readCheckpoint` */
export async function openCheckpoint(path: string): Promise<OpenCheckpoint> {
  refusePytorch(path);
  const file = await SafetensorsFile.open(path);
  try {
    return { meta: parseMeta(file), file };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** "Not a whole safetensors file" would be true of a step_N, and no help. */
function refusePytorch(path: string): void {
  const source = openFile(path);
  try {
    if (source.size < 4 || readBytes(source, 0, 4).readUInt32BE(0) !== ZIP) return;
  } finally {
    source.close();
  }
  throw new StudioError(
    'bad_input',
    `${path} is a checkpoint of PyTorch: make a run of it first, with trm import-checkpoint or Import checkpoint.`,
  );
}

/** Whether a safetensors file is a checkpoint of a run here rather than bare weights. */
export const isStudioCheckpoint = ({ header }: SafetensorsFile): boolean => header.metadata.format === FORMAT;

/** @throws StudioError `bad_input`, `damaged` or `newer_version` */
export function parseMeta({ path, header }: SafetensorsFile): CheckpointMeta {
  const { format, trm } = header.metadata;
  if (format !== FORMAT || !trm) {
    throw new StudioError(
      'bad_input',
      `${path} is a safetensors file, but no checkpoint of TRM Studio: choose a step_N.safetensors of a run, or make a run of it with trm import-checkpoint.`,
    );
  }
  return readDescription(path, trm);
}

/**
 * Everything of a checkpoint, verified.
 * @throws StudioError `damaged`, `bad_input` or `newer_version`; file system errors
 */
export async function readCheckpoint(path: string): Promise<StudioCheckpoint> {
  const { meta, file } = await openCheckpoint(path);
  try {
    const tensors = new Map<string, NamedTensor>();
    for (const name of file.header.tensors.keys()) tensors.set(name, await file.read(name));
    const expected = file.header.metadata.data_sha256;
    if (expected !== (await digest(tensors.values()))) {
      throw new StudioError(
        'damaged',
        `${path}: its data do not match their checksum. Use another checkpoint of the run.`,
      );
    }
    return {
      meta,
      snapshot: toSnapshot(meta, tensors, path),
      identifiers: tensors.get('identifiers')?.data as Uint8Array,
    };
  } finally {
    file.close();
  }
}

function toSnapshot(meta: CheckpointMeta, tensors: Map<string, NamedTensor>, path: string): TrainerSnapshot {
  const { config } = meta;
  const parameters = architectureOf(config.arch.name).parameters(specOf(meta));
  const trained = parameters.filter((p) => p.trained);
  const learning = config.freeze_weights ? [] : trained;
  const take = <T extends TensorData>(name: string, type: new () => T, size?: number): T => {
    const data = tensors.get(name)?.data;
    if (data instanceof type && (size === undefined || data.length === size)) return data;
    throw new StudioError('damaged', `${path}: tensor "${name}" is missing or of another size than the config needs.`);
  };
  const sized = (specs: typeof parameters, of: (name: string, size: number) => Float32Array) =>
    new Map(specs.map(({ name, shape }) => [name, of(name, elements(shape))]));
  const group = (prefix: string, specs: typeof parameters) =>
    sized(specs, (name, size) => take(`${prefix}.${name}`, Float32Array, size));
  const moments = (prefix: string) =>
    meta.weights_only ? sized(learning, (_, size) => new Float32Array(size)) : group(prefix, learning);
  const B = config.global_batch_size;
  const latents = [...tensors.keys()].filter((k) => k.startsWith('latents.'));
  return {
    step: meta.step,
    weights: group('weights', parameters),
    m: moments('adam_m'),
    v: moments('adam_v'),
    ema: config.ema ? group('ema', trained) : new Map(),
    latents: new Map(latents.map((k) => [k.slice('latents.'.length), take(k, Float32Array)])),
    puzzleEmbedding: config.arch.puzzle_emb_ndim
      ? take(EMBEDDING, Float32Array, meta.num_puzzle_identifiers * config.arch.puzzle_emb_ndim)
      : new Float32Array(0),
    carry: meta.weights_only
      ? emptyCarry(B, meta.seq_len)
      : {
          tokens: take('carry.tokens', Int32Array, B * meta.seq_len),
          labels: take('carry.labels', Int32Array, B * meta.seq_len),
          puzzle_identifiers: take('carry.puzzle_identifiers', Int32Array, B),
          steps: take('carry.steps', Int32Array, B),
          halted: take('carry.halted', Uint8Array, B),
        },
    exploration: meta.exploration,
  };
}

/**
 * The dense weights of an open checkpoint, with the average in place of what is averaged if `which` is "ema" and there is one.
 * @param make turns values and shape into whatever the caller needs
 */
export async function readWeights<T>(
  { meta, file }: OpenCheckpoint,
  which: 'ema' | 'raw',
  make: (values: Float32Array, shape: readonly number[]) => T,
): Promise<Record<string, T>> {
  const weights: Record<string, T> = {};
  for (const { name, shape } of architectureOf(meta.config.arch.name).parameters(specOf(meta))) {
    const averaged = `ema.${name}`;
    const key = which === 'ema' && file.has(averaged) ? averaged : `weights.${name}`;
    weights[name] = make(await file.float32(key, shape), shape);
  }
  return weights;
}
