/** Puzzle names by embedding row, as a checkpoint keeps them, and the names of single examples. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenData } from '../core/data/merged';
import type { SplitName } from '../core/data/store';
import type { ExampleRef } from '../shared/dataset';

interface Paths {
  data_paths: string[];
  data_paths_test: string[];
}

/** The datasets of a split in the order in which their examples are numbered through. */
function partsOf(paths: Paths, data: OpenData, split: SplitName) {
  const order = split === 'test' && paths.data_paths_test.length ? paths.data_paths_test : paths.data_paths;
  return order
    .map((path) => data.stores.get(path))
    .filter((store) => store !== undefined)
    .filter((store) => store.hasSplit(split));
}

/** `example.index` counts through all datasets of the split. */
export function puzzleNameOf(paths: Paths, data: OpenData, example: ExampleRef): string {
  let { index } = example;
  for (const store of partsOf(paths, data, example.split)) {
    const { examples } = store.split(example.split);
    if (index < examples) return store.puzzleName({ split: example.split, index });
    index -= examples;
  }
  return `${example.split} ${example.index}`;
}

/**
 * The bytes of an identifiers.json for the run's embedding rows: the dataset's own file, or one made from all of them.
 * Empty where no dataset has names. Read once, when first asked for.
 */
export function mergedIdentifiers(paths: Paths, data: OpenData): () => Promise<Uint8Array> {
  let bytes: Promise<Uint8Array> | null = null;
  return () => (bytes ??= readIdentifiers(paths, data));
}

async function readIdentifiers(paths: Paths, data: OpenData): Promise<Uint8Array> {
  if (data.stores.size === 1) {
    const [path] = data.stores.keys();
    const file = join(path, 'identifiers.json');
    return existsSync(file) ? new Uint8Array(await readFile(file)) : new Uint8Array(0);
  }
  const names = new Array<string>(data.numPuzzleIdentifiers).fill('');
  for (const split of ['train', 'test'] as const) {
    const merged = split === 'train' ? data.train : data.test;
    let first = 0;
    for (const store of merged ? partsOf(paths, data, split) : []) {
      const part = store.split(split);
      const table = store.identifiers();
      for (let p = 0; table && p < part.puzzleIdentifiers.length; p++) {
        const row = merged?.identifierOf(first + part.puzzleIndices[p]) ?? 0;
        names[row] = table.name(part.puzzleIdentifiers[p]);
      }
      first += part.examples;
    }
  }
  return names.some((name) => name) ? new TextEncoder().encode(JSON.stringify(names)) : new Uint8Array(0);
}
