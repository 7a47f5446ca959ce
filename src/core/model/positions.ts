/**
 * Rotary positions: by how much each pair of numbers of a query or key turns at each token. `rope` counts tokens, as the
 * reference does. `rope2d` is ours: a token's row turns half of the pairs and its column the other half, so that cells are
 * neighbours in both directions; the puzzle's prefix tokens stand still.
 */
import { headSize, mixesBySwiglu } from '../../shared/architectures';
import { StudioError } from '../../shared/errors';
import type { ModelSpec } from './architecture';
import { prefixLength, totalLength } from './architecture';

/**
 * Columns of the canvas: the spec's, or those of a square.
 * @throws StudioError `bad_input` if it says none and its cells make no square
 */
export function canvasColumns({ columns, seq_len }: Pick<ModelSpec, 'columns' | 'seq_len'>): number {
  const side = columns ?? Math.sqrt(seq_len);
  if (Number.isInteger(seq_len / side)) return side;
  throw new StudioError(
    'bad_input',
    columns === undefined
      ? `pos_encodings rope2d needs rows and columns, and ${seq_len} cells make no square: name the dataset.`
      : `pos_encodings rope2d: ${seq_len} cells do not fill rows of ${columns}.`,
  );
}

/** [T, d / 2] in radians, row-major; null where nothing rotates. Float32 at each stage, as PyTorch computes its tables. */
export function rotaryAngles(spec: ModelSpec): Float32Array | null {
  const { pos_encodings, rope_theta } = spec.arch;
  if (mixesBySwiglu(spec.arch) || (pos_encodings !== 'rope' && pos_encodings !== 'rope2d')) return null;
  const pairs = headSize(spec.arch) / 2;
  const angles = new Float32Array(totalLength(spec) * pairs);
  // Each axis has its own frequencies, from 1 down to about 1 / theta.
  const axes = pos_encodings === 'rope' ? [counting] : [rowOf, columnOf];
  const each = pairs / axes.length;
  const frequency = Float32Array.from({ length: each }, (_, i) => 1 / Math.fround(Math.pow(rope_theta, i / each)));
  axes.forEach((position, axis) => {
    for (let t = 0; t < totalLength(spec); t++) {
      const at = position(spec, t);
      for (let i = 0; i < each; i++) angles[t * pairs + axis * each + i] = at * frequency[i];
    }
  });
  return angles;
}

const counting = (_: ModelSpec, token: number): number => token;
const rowOf = (spec: ModelSpec, token: number): number => Math.floor(cellOf(spec, token) / canvasColumns(spec));
const columnOf = (spec: ModelSpec, token: number): number => cellOf(spec, token) % canvasColumns(spec);
/** The cell of a token; the first for prefix tokens, whose angles are 0 as its. */
const cellOf = (spec: ModelSpec, token: number): number => Math.max(0, token - prefixLength(spec));
