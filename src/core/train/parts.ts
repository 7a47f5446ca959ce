/** A batch computed in parts: gradients of the parts add up, and one update follows. No random number depends on it. */
import type { StepInput } from './step';

/** Rows of a batch that are computed at once. */
export interface Part {
  at: number;
  size: number;
}

/**
 * Parts of at most `most` rows, in order and of nearly equal size: never more than two sizes, since each is a graph of its own.
 * @param rows of the batch
 */
export function partsOf(rows: number, most: number): Part[] {
  const count = Math.ceil(rows / Math.max(1, Math.min(most, rows)));
  const [size, larger] = [Math.floor(rows / count), rows % count];
  return Array.from({ length: count }, (_, i) => ({
    at: i * size + Math.min(i, larger),
    size: size + (i < larger ? 1 : 0),
  }));
}

/** The part's rows of a step's input; views into it. */
export function rowsOf(input: StepInput, { at, size }: Part): StepInput {
  const S = input.tokens.length / input.reset.length;
  return {
    ...input,
    tokens: input.tokens.subarray(at * S, (at + size) * S),
    labels: input.labels.subarray(at * S, (at + size) * S),
    reset: input.reset.subarray(at, at + size),
    last: input.last.subarray(at, at + size),
    identifiers: input.identifiers.subarray(at, at + size),
  };
}

/** The parts' numbers, one after another. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0];
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
