/** Checkpoints as the reference would write them, made from an architecture's own first weights. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ARCH_NAMES, ARCHITECTURES, type ArchName } from '../../src/shared/architectures';
import { TrainConfigSchema, type TrainConfig } from '../../src/shared/config';
import { ALL_CONFIG, formatAllConfig } from '../../src/core/checkpoint/import/all-config';
import { importCheckpoint } from '../../src/core/checkpoint/import/import';
import type { ImportHost } from '../../src/core/checkpoint/import/import-write';
import type { ImportRequest } from '../../src/shared/checkpoint';
import { fromFloat32 } from '../../src/core/checkpoint/formats/dtypes';
import { TABLE } from '../../src/core/checkpoint/import/model-source';
import { IDENTIFIERS } from '../../src/core/data/identifiers';
import { writePytorch, type StreamedTensor } from '../../src/core/checkpoint/formats/pytorch-write';
import { initialWeights } from '../../src/core/model/init';
import { architectureOf } from '../../src/core/model/registry';

export const ARC_TINY = join(import.meta.dirname, '../golden/arc-tiny/expected');
export const arcNames = (): string[] =>
  JSON.parse(readFileSync(join(ARC_TINY, 'identifiers.json'), 'utf8')) as string[];

const WIDTH = 32;

export function tinyConfig(name: ArchName = ARCH_NAMES[0], arch: Record<string, unknown> = {}): TrainConfig {
  const sizes = { hidden_size: 32, num_heads: 2, L_layers: 1, H_layers: 1, puzzle_emb_ndim: WIDTH, puzzle_emb_len: 2 };
  return TrainConfigSchema.parse({
    arch: { name, ...ARCHITECTURES[name].preset_values, ...sizes, H_cycles: 2, L_cycles: 4, ...arch },
    global_batch_size: 4,
    epochs: 100,
    eval_interval: 50,
    ema: true,
    data_paths: ['data/elsewhere'],
  });
}

/** Row i is filled with i + 1, so that a row tells where it came from. */
export const numberedRow = (row: number): number => row + 1;

export interface Written {
  path: string;
  tensors: Map<string, StreamedTensor>;
}

interface Options {
  config?: TrainConfig | null;
  rows?: number;
  identifiers?: string[];
  step?: string;
  seq_len?: number;
  vocab_size?: number;
  prefix?: string;
  /** Last changes of the tensors before they are written. */
  edit?: (tensors: Map<string, StreamedTensor>) => void;
}

/** A step_N of random weights in `folder`, with all_config.yaml (unless config is null) and identifiers.json. */
export async function writeReference(folder: string, model: TrainConfig, options: Options = {}): Promise<Written> {
  const { rows = 20, identifiers, step = 'step_500', seq_len = 900, vocab_size = 12 } = options;
  const { prefix = '_orig_mod.model.inner.' } = options;
  const spec = { arch: model.arch, seq_len, vocab_size, num_puzzle_identifiers: rows };
  const architecture = architectureOf(model.arch.name);
  const values = initialWeights(architecture, spec, 3);
  const tensors = new Map<string, StreamedTensor>();
  const bfloat16 = model.arch.forward_dtype === 'bfloat16';
  for (const { name, shape, trained } of architecture.parameters(spec)) {
    // As the reference does: the first vectors are in the format that it computes in.
    const dtype = !trained && bfloat16 ? 'BF16' : 'F32';
    const bytes = fromFloat32(values.get(name) as Float32Array, dtype);
    tensors.set(prefix + name, { dtype, shape, pieces: () => [bytes] });
  }
  if (model.arch.puzzle_emb_ndim) {
    const table = Float32Array.from({ length: rows * WIDTH }, (_, i) => numberedRow(Math.floor(i / WIDTH)));
    tensors.set(prefix + TABLE, { dtype: 'F32', shape: [rows, WIDTH], pieces: () => [fromFloat32(table, 'F32')] });
  }
  options.edit?.(tensors);
  mkdirSync(folder, { recursive: true });
  const config = options.config === undefined ? model : options.config;
  if (config) writeFileSync(join(folder, ALL_CONFIG), formatAllConfig(config));
  if (identifiers) writeFileSync(join(folder, IDENTIFIERS), JSON.stringify(identifiers));
  const path = join(folder, step);
  await writePytorch(path, tensors);
  return { path, tensors };
}

export const bytesOf = (tensor: StreamedTensor): string =>
  Buffer.concat([...(tensor.pieces() as Iterable<Uint8Array>)]).toString('hex');

export const quiet: ImportHost = { progress: () => undefined, stopped: () => false };

export const request = (checkpoint: string, more: Partial<ImportRequest> = {}): ImportRequest => ({
  checkpoint,
  config: null,
  identifiers: null,
  data_path: null,
  overrides: {},
  ...more,
});

/** Imports into `folder` as the studio does. */
export async function importInto(folder: string, checkpoint: string, more: Partial<ImportRequest> = {}) {
  const outFor = (step: number) => join(folder, `step_${step}.safetensors`);
  const { file, report } = await importCheckpoint(request(checkpoint, more), outFor, quiet);
  return { path: file.path, report };
}
