/** A checkpoint as large as the released ones, and how long it takes to bring it in (scripts/bench-checkpoint.mjs). */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALL_CONFIG, formatAllConfig } from '../../src/core/checkpoint/import/all-config';
import { fromFloat32 } from '../../src/core/checkpoint/formats/dtypes';
import { importCheckpoint, inspectCheckpoint } from '../../src/core/checkpoint/import/import';
import { TABLE } from '../../src/core/checkpoint/import/model-source';
import { IDENTIFIERS } from '../../src/core/data/identifiers';
import { writePytorch, type StreamedTensor } from '../../src/core/checkpoint/formats/pytorch-write';
import { initialWeights } from '../../src/core/model/init';
import { architectureOf } from '../../src/core/model/registry';
import { TrainConfigSchema } from '../../src/shared/config';
import { ARC_TINY, arcNames, quiet, request } from './model';

const WIDTH = 512;

/** The published model with `rows` embedding rows; the puzzles of the small dataset lie scattered among them. */
export async function makeLarge(folder: string, rows: number): Promise<string> {
  const path = join(folder, 'step_723914');
  if (existsSync(path)) return path;
  const config = TrainConfigSchema.parse({
    arch: { L_cycles: 4 },
    ema: true,
    data_paths: ['data/arc2concept-aug-1000'],
  });
  const spec = { arch: config.arch, seq_len: 900, vocab_size: 12, num_puzzle_identifiers: rows };
  const architecture = architectureOf(config.arch.name);
  const values = initialWeights(architecture, spec, 1);
  const tensors = new Map<string, StreamedTensor>();
  for (const { name, shape, trained } of architecture.parameters(spec)) {
    const dtype = trained ? 'F32' : 'BF16';
    const bytes = fromFloat32(values.get(name) as Float32Array, dtype);
    tensors.set(`_orig_mod.model.inner.${name}`, { dtype, shape, pieces: () => [bytes] });
  }
  tensors.set(`_orig_mod.model.inner.${TABLE}`, {
    dtype: 'F32',
    shape: [rows, WIDTH],
    *pieces() {
      const piece = 4096;
      for (let first = 0; first < rows; first += piece) {
        const count = Math.min(piece, rows - first);
        yield fromFloat32(
          Float32Array.from({ length: count * WIDTH }, (_, i) => ((first * WIDTH + i) % 1013) / 500 - 1),
          'F32',
        );
      }
    },
  });
  const names = Array.from({ length: rows }, (_, i) => `${i.toString(16).padStart(8, '0')}|||t${i % 8}|||0123456789`);
  names[0] = '<blank>';
  arcNames().forEach((name, i) => {
    if (i > 0) names[Math.floor(((i * 7919) % 997) * (rows / 1000)) + 1] = name;
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, ALL_CONFIG), formatAllConfig(config));
  writeFileSync(join(folder, IDENTIFIERS), JSON.stringify(names));
  await writePytorch(path, tensors);
  return path;
}

export type Case = 'open' | 'named rows' | 'new puzzles' | 'every row';

/** Runs one case. @returns what was found, for the report */
export async function bring(checkpoint: string, which: Case, out: string): Promise<string> {
  if (which === 'open')
    return inspectCheckpoint(request(checkpoint, { data_path: ARC_TINY })).embedding?.sentence ?? '';
  const outFor = (step: number) => join(out, `step_${step}.safetensors`);
  const unknown = join(out, 'unknown.json');
  mkdirSync(out, { recursive: true });
  writeFileSync(unknown, JSON.stringify(['<blank>', 'somebody else']));
  const more = {
    'named rows': { data_path: ARC_TINY },
    // None of the dataset's names is known: the mean of the whole table is needed.
    'new puzzles': { data_path: ARC_TINY, identifiers: unknown },
    'every row': {},
  }[which];
  const { report } = await importCheckpoint(request(checkpoint, more), outFor, quiet);
  rmSync(out, { recursive: true });
  return report.embedding?.sentence ?? '';
}
