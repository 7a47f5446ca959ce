/** Datasets that an import brings: linked where they lie, copied into the home, or built from CSVs. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FoundDataset } from '../../core/data/found-datasets';
import type { GatheredFile } from '../../core/data/gather';
import { makeWholeFolder } from '../../core/lib/whole-folder';
import type { MazeCsvRecipe, SudokuCsvRecipe } from '../../shared/dataset';
import type { Context } from '../context';
import type { Datasets } from '../datasets/datasets';
import { readFacts } from '../datasets/facts';
import { newId, slug } from '../ids';
import { removeFile } from '../runs/checkpoints';

/** Written and checked, so that what is left to do cannot fail on the files. */
export type Prepared =
  | { how: 'linked'; folder: string }
  | { how: 'copied'; id: string; name: string; folder: string; facts: ReturnType<typeof readFacts> }
  | { how: 'built'; name: string; recipe: SudokuCsvRecipe | MazeCsvRecipe; copy: string | null };

/** Copies what has to be copied. @throws StudioError; what was copied before is then removed */
export async function prepareDatasets(context: Context, found: readonly FoundDataset[]): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  try {
    for (const dataset of found) prepared.push(await prepare(context, dataset));
    return prepared;
  } catch (error) {
    dropPrepared(context, prepared);
    throw error;
  }
}

export function dropPrepared(context: Context, prepared: readonly Prepared[]): void {
  for (const item of prepared) {
    if (item.how === 'copied') removeFile(context, item.folder);
    else if (item.how === 'built' && item.copy) removeFile(context, item.copy);
  }
}

async function prepare(context: Context, { name, from }: FoundDataset): Promise<Prepared> {
  const { home } = context;
  if (from.how === 'linked') return from;
  const id = newId();
  if (from.how === 'copied') {
    const folder = join(home.datasets, `${slug(name)}-${id}`);
    const facts = await makeWholeFolder(folder, async (temporary) => {
      for (const part of from.parts) await copyTo(part.file, join(temporary, part.name));
      return readFacts(temporary, true);
    });
    return { how: 'copied', id, name, folder, facts };
  }
  const { train, test, puzzle, holdOut } = from;
  // A file on disk is read where it lies; one that was sent, or lies in an archive, needs a place.
  const copy =
    train.disk === null || (test && test.disk === null) ? join(home.root, 'sources', `${slug(name)}-${id}`) : null;
  if (copy) {
    await mkdir(dirname(copy), { recursive: true });
    await makeWholeFolder(copy, async (temporary) => {
      await copyTo(train, join(temporary, 'train.csv'));
      if (test) await copyTo(test, join(temporary, 'test.csv'));
    });
  }
  const files = {
    train_file: copy ? join(copy, 'train.csv') : (train.disk as string),
    test_file: test && (copy ? join(copy, 'test.csv') : test.disk),
    hold_out: holdOut,
    subsample_size: null,
    seed: 42,
  };
  const recipe =
    puzzle === 'maze'
      ? { kind: 'maze-csv' as const, ...files, aug: false }
      : { kind: 'sudoku-csv' as const, ...files, min_difficulty: null, num_aug: 0, compact: true };
  return { how: 'built', name, recipe, copy };
}

const CHUNK = 4 * 2 ** 20;

async function copyTo(file: GatheredFile, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const source = await file.open();
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < source.size; at += CHUNK) yield await source.read(at, CHUNK);
  };
  try {
    await pipeline(Readable.from(chunks()), createWriteStream(path, { flags: 'wx', flush: true }));
  } finally {
    await source.close();
  }
}

/** Takes them into the list; builds begin. @returns their ids */
export function storePrepared(datasets: Datasets, prepared: readonly Prepared[]): string[] {
  return prepared.map((item) => {
    if (item.how === 'linked') return datasets.adopt(item.folder).id;
    if (item.how === 'copied') return datasets.takeIn(item.id, item.name, item.folder, item.facts).id;
    return datasets.build(item.name, item.recipe).id;
  });
}
