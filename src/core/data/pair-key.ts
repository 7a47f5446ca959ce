/**
 * Tells whether two pairs are the same but for a symmetry of the square and a change of the colours 1…9 (black stays):
 * what a training set augmented as the reference does it has seen of a pair.
 */
import { createHash } from 'node:crypto';
import type { Pair } from '../../shared/arc';
import { dihedralWalk, flattenGrid, type Dihedral, type FlatGrid } from '../../shared/arc-grid';

/** Room for two 30×30 grids with their sizes. */
const ROOM = 2 * (900 + 2);

/**
 * Prints both grids under `t` with the colours numbered in the order in which they are met, input first.
 * @returns the length
 */
function print(grids: readonly FlatGrid[], t: Dihedral, out: Uint8Array, numbers: Uint8Array): number {
  numbers.fill(0);
  let next = 1;
  let at = 0;
  for (const { rows, columns, cells } of grids) {
    const walk = dihedralWalk(rows, columns, t);
    out[at++] = walk.rows;
    out[at++] = walk.columns;
    for (let r = 0; r < walk.rows; r++) {
      let from = walk.offset + r * walk.down;
      for (let c = 0; c < walk.columns; c++, from += walk.right) {
        const colour = cells[from];
        out[at++] = colour === 0 ? 0 : numbers[colour] || (numbers[colour] = next++);
      }
    }
  }
  return at;
}

/** The colours numbered as they are met, under one symmetry: what is left of grids when colours are only told apart. */
export function printShape(grids: readonly FlatGrid[], t: Dihedral): Buffer {
  const out = Buffer.alloc(grids.reduce((sum, { cells }) => sum + 2 + cells.length, 0));
  print(grids, t, out, numbers);
  return out;
}

const scratch = [new Uint8Array(ROOM), new Uint8Array(ROOM)];
const numbers = new Uint8Array(256);

/** Equal for two lists of grids exactly where one symmetry and one change of colours turn one list into the other. */
export function shapeKey(grids: readonly FlatGrid[]): string {
  let best = scratch[0];
  let other = scratch[1];
  let length = print(grids, 0, best, numbers);
  for (let t = 1; t < 8; t++) {
    const n = print(grids, t as Dihedral, other, numbers);
    if (Buffer.compare(other.subarray(0, n), best.subarray(0, length)) < 0) {
      [best, other] = [other, best];
      length = n;
    }
  }
  return createHash('sha256').update(best.subarray(0, length)).digest('base64');
}

/** Equal exactly where all grids are equal. */
export function exactKey(grids: readonly FlatGrid[]): string {
  return grids.map(({ rows, columns, cells }) => `${rows}x${columns}:${Buffer.from(cells).toString('latin1')}`).join();
}

/** The grids of a pair; a test pair without its solution has one. */
export function pairGrids({ input, output }: Pair): FlatGrid[] {
  return output ? [flattenGrid(input), flattenGrid(output)] : [flattenGrid(input)];
}
