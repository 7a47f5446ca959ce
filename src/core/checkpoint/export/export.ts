/**
 * A checkpoint of a run goes out: `step_N` as torch.save writes it (or safetensors), `all_config.yaml` and
 * `identifiers.json`, as the reference lays them out. The reference loads strictly: every name, shape and number format is
 * what its own model has.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ExportReport, ExportRequest } from '../../../shared/checkpoint';
import type { TrainConfig } from '../../../shared/config';
import { StudioError } from '../../../shared/errors';
import { architectureOf } from '../../model/registry';
import { ALL_CONFIG, formatAllConfig } from '../import/all-config';
import { IDENTIFIERS } from '../../data/identifiers';
import { writeAtomically } from '../../lib/atomic';
import { streamSafetensors, type StreamedShape } from '../formats/safetensors-write';
import { DTYPES, fromFloat32, type WeightDtype } from '../formats/dtypes';
import { exportedNames } from './exported-names';
import { WORTH_TELLING, type ImportHost } from '../import/import-write';
import { TABLE } from '../import/model-source';
import { refuseOwnPositions } from './reference';
import { writePytorch, type StreamedTensor } from '../formats/pytorch-write';
import { EMBEDDING, openCheckpoint, specOf, type OpenCheckpoint } from '../native/checkpoint';
import { elements } from '../formats/tensor-file';

/** Rows that make about 8 MB. */
const PIECE_NUMBERS = 2 ** 21;

/** @throws StudioError in one sentence; file system errors. What was half-written is gone then. */
export async function exportCheckpoint(request: ExportRequest, host: ImportHost): Promise<ExportReport> {
  const open = await openCheckpoint(request.checkpoint);
  try {
    const { meta } = open;
    // Readers of safetensors see the name in all_config.yaml, this studio among them.
    if (request.format === 'pytorch') refuseOwnPositions(meta.config.arch, 'export it as safetensors');
    const folder = resolve(request.out);
    const target = join(folder, exportedNames(meta.step, request.format).last);
    if (!request.overwrite && existsSync(target)) {
      throw new StudioError(
        'conflict',
        `${target} is already there: choose another folder, or overwrite it (--force).`,
      );
    }
    const config: TrainConfig = { ...meta.config, data_paths: request.data_paths ?? meta.config.data_paths };
    const beside = [await writeAtomically(join(folder, ALL_CONFIG), [Buffer.from(formatAllConfig(config))])];
    const identifiers = open.file.has('identifiers') ? open.file.bytes('identifiers') : new Uint8Array(0);
    if (identifiers.length) beside.push(await writeAtomically(join(folder, IDENTIFIERS), [identifiers]));
    // Last: where the weights are, the rest is.
    const tensors = outgoing(open, request, host);
    const file =
      request.format === 'pytorch'
        ? await writePytorch(target, tensors)
        : await streamSafetensors(target, withBytes(tensors), { format: 'pt', step: String(meta.step) });
    const files = [file, ...beside];
    const averaged = request.weights === 'ema' && [...open.file.tensors.keys()].some((key) => key.startsWith('ema.'));
    return {
      folder,
      step: meta.step,
      files: files.map(({ path, bytes }) => ({ path, bytes })),
      weights: averaged ? 'ema' : 'raw',
    };
  } finally {
    open.file.close();
  }
}

function outgoing(open: OpenCheckpoint, request: ExportRequest, host: ImportHost): Map<string, StreamedTensor> {
  const { meta, file } = open;
  const { arch } = meta.config;
  const prefix = request.keys === 'compiled' ? '_orig_mod.model.inner.' : 'model.inner.';
  const tensors = new Map<string, StreamedTensor>();
  for (const { name, shape, trained } of architectureOf(arch.name).parameters(specOf(meta))) {
    const average = `ema.${name}`;
    const key = request.weights === 'ema' && file.has(average) ? average : `weights.${name}`;
    // The reference keeps its first vectors in the format that it computes in, and loading does not convert them.
    const dtype = meta.dtypes?.[name] ?? (!trained && arch.forward_dtype === 'bfloat16' ? 'BF16' : 'F32');
    tensors.set(prefix + name, {
      dtype,
      shape,
      *pieces() {
        const entry = file.tensors.get(key);
        if (entry?.shape.join() !== shape.join()) {
          throw new StudioError(
            'damaged',
            `${file.path}: tensor "${key}" is missing or of another size than its config needs.`,
          );
        }
        yield fromFloat32(new Float32Array(file.bytes(key).buffer), dtype);
      },
    });
  }
  const table = file.tensors.get(EMBEDDING);
  if (arch.puzzle_emb_ndim && table) tensors.set(prefix + TABLE, tableOut(open, meta.dtypes?.[TABLE] ?? 'F32', host));
  return tensors;
}

function tableOut({ file, meta }: OpenCheckpoint, dtype: WeightDtype, host: ImportHost): StreamedTensor {
  const width = meta.config.arch.puzzle_emb_ndim;
  const rows = meta.num_puzzle_identifiers;
  const piece = Math.max(1, Math.floor(PIECE_NUMBERS / width));
  return {
    dtype,
    shape: [rows, width],
    *pieces() {
      for (let first = 0; first < rows; first += piece) {
        if (host.stopped()) throw new StudioError('cancelled', 'The export was cancelled: nothing was left behind.');
        const count = Math.min(piece, rows - first);
        yield fromFloat32(new Float32Array(file.bytes(EMBEDDING, first, count).buffer), dtype);
        if (rows * width > WORTH_TELLING) host.progress(first + count, rows, 'embedding rows');
      }
    },
  };
}

const withBytes = (tensors: ReadonlyMap<string, StreamedTensor>): Map<string, StreamedShape> =>
  new Map(
    [...tensors].map(([name, tensor]) => [
      name,
      { ...tensor, bytes: elements(tensor.shape) * DTYPES[tensor.dtype].bytes },
    ]),
  );
