/**
 * A checkpoint of any origin as a model: the reference's step_N with `all_config.yaml` and `identifiers.json` beside it,
 * the same as safetensors, or a checkpoint of a run here. Tensors have the reference's names without `_orig_mod.model.inner.`
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { TrainConfig } from '../../../shared/config';
import { StudioError } from '../../../shared/errors';
import { IDENTIFIERS, IdentifierTable } from '../../data/identifiers';
import { ALL_CONFIG, parseAllConfig } from './all-config';
import { openTensorFile } from '../formats/open';
import { isStudioCheckpoint, parseMeta, type CheckpointMeta } from '../native/checkpoint';
import { SafetensorsFile } from '../formats/safetensors';
import { readFloat32, tableOf, type TableRows, type TensorFile, type TensorInfo } from '../formats/tensor-file';

export const TABLE = 'puzzle_emb.weights';

/** Of compiled runs, of others, and of state dicts of the inner model alone. */
const PREFIXES = ['_orig_mod.model.inner.', 'model.inner.', ''];

export interface ModelSource {
  readonly path: string;
  readonly format: 'pytorch' | 'safetensors' | 'studio';
  /** Dense tensors and the table by their names in the reference's model. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly config: SourceConfig | null;
  /** What only a checkpoint of the studio says. */
  readonly meta: CheckpointMeta | null;
  /** From the file's name, or the checkpoint's own; null if it says none. */
  readonly step: number | null;
  /** Names by row of the puzzle embedding, and where they were found. */
  readonly names: { table: IdentifierTable; from: string } | null;
  float32(name: string): Float32Array;
  /** Null if it has no puzzle embedding. */
  table(): TableRows | null;
  close(): void;
}

export interface SourceConfig {
  config: TrainConfig;
  /** The path of the file that says it. */
  from: string;
  notes: string[];
}

export interface SourceOptions {
  /** Instead of the all_config.yaml beside it. */
  config?: string | null;
  /** Instead of the identifiers.json beside it or in its dataset. */
  identifiers?: string | null;
  /** Which weights of a studio checkpoint: the averages where there are any, or those that training goes on with. */
  weights?: 'ema' | 'raw';
}

/** @throws StudioError in one sentence; file system errors */
export function openModelSource(path: string, options: SourceOptions = {}): ModelSource {
  const file = openTensorFile(path);
  try {
    const meta = file instanceof SafetensorsFile && isStudioCheckpoint(file) ? parseMeta(file) : null;
    const keys = meta ? studioKeys(file, options.weights ?? 'ema') : referenceKeys(file);
    const config = sourceConfig(path, options, meta);
    return {
      path,
      format: meta ? 'studio' : file.format,
      tensors: new Map([...keys].map(([name, key]) => [name, file.tensors.get(key) as TensorInfo])),
      config,
      meta,
      step: meta?.step ?? stepOf(path),
      names: namesOf(path, options, file, meta, config),
      float32: (name) => readFloat32(file, keys.get(name) ?? name),
      table: () => (keys.has(TABLE) ? tableOf(file, keys.get(TABLE) as string) : null),
      close: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Key in the file by the reference's name, all of them behind one prefix. */
function referenceKeys(file: TensorFile): Map<string, string> {
  const keys = [...file.tensors.keys()];
  const fitting = PREFIXES.find((prefix) => keys.some((key) => key.startsWith(`${prefix}embed_tokens.`)));
  const prefix = fitting ?? PREFIXES.find((p) => keys.some((key) => key.startsWith(p))) ?? '';
  // What does not lie behind the prefix keeps its whole name, and is told as unexpected.
  return new Map(keys.map((key) => [key.startsWith(prefix) ? key.slice(prefix.length) : key, key]));
}

function studioKeys(file: TensorFile, which: 'ema' | 'raw'): Map<string, string> {
  const keys = new Map<string, string>();
  for (const key of file.tensors.keys()) {
    if (!key.startsWith('weights.')) continue;
    const name = key.slice('weights.'.length);
    const average = `ema.${name}`;
    keys.set(name, which === 'ema' && file.tensors.has(average) ? average : key);
  }
  return keys;
}

/** `step_1000`, `step_1000.safetensors`, `step_1000_all_preds.0` is none. */
function stepOf(path: string): number | null {
  const digits = /^step_(\d{1,15})(\.(safetensors|pt|pth|bin))?$/.exec(basename(path))?.[1];
  return digits === undefined ? null : Number(digits);
}

const CONFIG_BYTES = 2 ** 20;

function sourceConfig(path: string, options: SourceOptions, meta: CheckpointMeta | null): SourceConfig | null {
  if (meta && !options.config) return { config: meta.config, from: path, notes: [] };
  const beside = join(dirname(path), ALL_CONFIG);
  const from = options.config ?? (existsSync(beside) ? beside : null);
  if (from === null) return null;
  const text = readFileSync(from);
  if (text.length > CONFIG_BYTES) {
    throw new StudioError('too_large', `${from} has ${text.length} bytes: that is no ${ALL_CONFIG}.`);
  }
  const { config, notes } = parseAllConfig(text.toString('utf8'), from);
  return { config, from, notes };
}

/** Chosen, in the checkpoint, beside it, or in the folder of its dataset if that is on this machine. */
function namesOf(
  path: string,
  options: SourceOptions,
  file: TensorFile,
  meta: CheckpointMeta | null,
  config: SourceConfig | null,
): ModelSource['names'] {
  if (options.identifiers) return { table: IdentifierTable.read(options.identifiers), from: options.identifiers };
  if (meta) {
    const bytes = file.tensors.has('identifiers') ? Buffer.from(file.bytes('identifiers').buffer) : Buffer.alloc(0);
    return bytes.length ? { table: IdentifierTable.parse(bytes, path), from: path } : null;
  }
  const folders = [dirname(path), ...(config?.config.data_paths.length === 1 ? config.config.data_paths : [])];
  const found = folders.map((folder) => join(folder, IDENTIFIERS)).find((candidate) => existsSync(candidate));
  return found === undefined ? null : { table: IdentifierTable.read(found), from: found };
}
