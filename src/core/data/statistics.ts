/** What a dataset holds, in numbers, and which of its test examples stand in split train. Reads examples one by one. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Histogram, SplitStatistics } from '../../shared/contract/datasets';
import { decodeCanvas } from '../../shared/arc-canvas';
import { spreadExamples } from './merged';
import type { DatasetSplit, DatasetStore, SplitName } from './store';
import { Breather, type WorkOptions } from '../lib/work';

/** Examples of a split that are looked at: all of ARC's unaugmented ones, a fair part of a million Sudokus. */
const MOST_LOOKED_AT = 20_000;

/** Examples of the first puzzle of every group: every builder writes a group's own puzzle before its augmentations. */
export function unaugmentedExamples({ groupIndices, puzzleIndices }: DatasetSplit): Int32Array {
  let count = 0;
  const groups = groupIndices.length - 1;
  for (let g = 0; g < groups; g++) count += puzzleIndices[groupIndices[g] + 1] - puzzleIndices[groupIndices[g]];
  const examples = new Int32Array(count);
  for (let g = 0, at = 0; g < groups; g++) {
    const end = puzzleIndices[groupIndices[g] + 1];
    for (let e = puzzleIndices[groupIndices[g]]; e < end; e++) examples[at++] = e;
  }
  return examples;
}

function histogram(indices: Int32Array): Histogram {
  const counts = new Map<number, number>();
  for (let i = 1; i < indices.length; i++) {
    const size = indices[i] - indices[i - 1];
    counts.set(size, (counts.get(size) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => a - b);
}

class Sizes {
  private readonly counts = new Map<number, number>();

  add(rows: number, columns: number): void {
    const key = rows * 1024 + columns;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  list(): SplitStatistics['input_sizes'] {
    return [...this.counts]
      .map(([key, count]) => ({ rows: key >> 10, columns: key & 1023, count }))
      .sort((a, b) => b.count - a.count || a.rows - b.rows || a.columns - b.columns);
  }
}

/** @throws StudioError `cancelled`, `damaged` */
export async function splitStatistics(
  store: DatasetStore,
  name: SplitName,
  options: WorkOptions = {},
): Promise<SplitStatistics> {
  const split = store.split(name);
  const own = unaugmentedExamples(split);
  const chosen = spreadExamples(own.length, MOST_LOOKED_AT);
  const { seq_len: S, vocab_size: V } = split.metadata;
  const [input, label] = [new Uint8Array(S), new Uint8Array(S)];
  const [inputSizes, outputSizes] = [new Sizes(), new Sizes()];
  const tokens = new Array<number>(V).fill(0);
  const seen = new Uint8Array(V);
  let same = 0;
  const breather = new Breather(options, 'The count');
  for (let i = 0; i < chosen.length; i++) {
    await breather.breathe(i, chosen.length, `${name} examples counted`);
    split.read(own[chosen[i]], input, label);
    seen.fill(0);
    for (let s = 0; s < S; s++) seen[input[s]] = seen[label[s]] = 1;
    for (let t = 0; t < V; t++) tokens[t] += seen[t];
    const [from, to] = [input, label].map((canvas) => size(store, canvas));
    inputSizes.add(from.rows, from.columns);
    outputSizes.add(to.rows, to.columns);
    if (from.rows === to.rows && from.columns === to.columns) same++;
  }
  return {
    split: name,
    examples: split.examples,
    puzzles: split.puzzleIndices.length - 1,
    groups: split.groupIndices.length - 1,
    examples_per_puzzle: histogram(split.puzzleIndices),
    puzzles_per_group: histogram(split.groupIndices),
    looked_at: chosen.length,
    input_sizes: inputSizes.list(),
    output_sizes: outputSizes.list(),
    same_size: same,
    tokens,
  };
}

/** Of the grid on an ARC canvas (0×0 if there is none); other puzzles fill theirs. */
function size({ kind, rows, columns }: DatasetStore, canvas: Uint8Array): { rows: number; columns: number } {
  if (kind !== 'arc') return { rows, columns };
  return decodeCanvas(canvas, rows)?.grid ?? { rows: 0, columns: 0 };
}

/** Every file of a dataset's folder, the largest first. */
export function listFiles(folder: string, below = ''): { name: string; bytes: number }[] {
  const files = readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const name = below ? `${below}/${entry.name}` : entry.name;
    if (entry.isDirectory()) return listFiles(folder, name);
    return entry.isFile() ? [{ name, bytes: statSync(join(folder, name)).size }] : [];
  });
  return files.sort((a, b) => b.bytes - a.bytes);
}
