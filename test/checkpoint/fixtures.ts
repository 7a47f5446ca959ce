import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TensorFile } from '../../src/core/checkpoint/formats/tensor-file';

/** Files that real PyTorch versions wrote; see make.py beside them. */
export const CORPUS = join(import.meta.dirname, '../golden/checkpoints');

export const corpusFiles = (): string[] =>
  readdirSync(CORPUS)
    .filter((name) => name.endsWith('.pt') && !name.includes('-bad-'))
    .map((name) => name.slice(0, -'.pt'.length));

export interface Expected {
  dtype: string;
  shape: number[];
  hex: string;
}

export const expectedOf = (name: string): Record<string, Expected> =>
  JSON.parse(readFileSync(join(CORPUS, `${name}.json`), 'utf8')) as Record<string, Expected>;

export function contentOf(file: TensorFile): Record<string, Expected> {
  return Object.fromEntries(
    [...file.tensors].map(([name, { dtype, shape }]) => [
      name,
      { dtype, shape: [...shape], hex: Buffer.from(file.bytes(name)).toString('hex') },
    ]),
  );
}

/** Any error's code and message; undefined if nothing was thrown. */
export function faultOf(work: () => unknown): { code?: string; message: string } | undefined {
  try {
    work();
  } catch (error) {
    return error as { code?: string; message: string };
  }
  return undefined;
}

/** Reproducible whole numbers below `n`. */
export function randomInts(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}
