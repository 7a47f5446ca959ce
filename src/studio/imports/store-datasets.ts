/** Datasets that an import brings: linked where they lie, copied into the home, or built from CSVs. */
import { createWriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { makeFolders } from '../../core/lib/folders';
import type { FoundDataset } from '../../core/data/found-datasets';
import type { GatheredFile } from '../../core/data/gather';
import { makeWholeFolder, temporaryFolder } from '../../core/lib/whole-folder';
import type { MazeCsvRecipe, SudokuCsvRecipe } from '../../shared/dataset';
import type { Context } from '../context';
import type { Datasets } from '../datasets/datasets';
import { readFacts } from '../datasets/facts';
import { newId, slug } from '../ids';
import { removeFile } from '../runs/checkpoints';
import { claim } from '../unfinished';

/** Written and checked, so that what is left to do cannot fail on the files. */
export type Prepared =
  | { how: 'linked'; folder: string }
  | { how: 'copied'; id: string; name: string; folder: string; facts: ReturnType<typeof readFacts> }
  | { how: 'built'; name: string; recipe: SudokuCsvRecipe | MazeCsvRecipe; copy: string | null };

/**
 * Copies what has to be copied. @throws StudioError; what was copied before is then removed
 * @returns forget: to be called with the rows that name the copies
 */
export async function prepareDatasets(
  context: Context,
  found: readonly FoundDataset[],
): Promise<{ prepared: Prepared[]; forget: () => void }> {
  const prepared: Prepared[] = [];
  const places = found.map((dataset) => placeOf(context, dataset));
  const folders = places.flatMap(({ folder }) => (folder === null ? [] : [folder, temporaryFolder(folder)]));
  const forget = folders.length ? claim(context, folders) : () => undefined;
  try {
    for (const [i, dataset] of found.entries()) prepared.push(await prepare(dataset, places[i]));
    return { prepared, forget };
  } catch (error) {
    dropPrepared(context, prepared);
    forget();
    throw error;
  }
}

/** Where a dataset is copied to; null where it stays where it lies. */
function placeOf({ home }: Context, { name, from }: FoundDataset): { id: string; folder: string | null } {
  const id = newId();
  const beside = `${slug(name)}-${id}`;
  if (from.how === 'copied') return { id, folder: join(home.datasets, beside) };
  // A file on disk is read where it lies; one that was sent, or lies in an archive, needs a place.
  const sent = from.how === 'built' && (from.train.disk === null || (from.test && from.test.disk === null));
  return { id, folder: sent ? join(home.root, 'sources', beside) : null };
}

export function dropPrepared(context: Context, prepared: readonly Prepared[]): void {
  for (const item of prepared) {
    if (item.how === 'copied') removeFile(context, item.folder);
    else if (item.how === 'built' && item.copy) removeFile(context, item.copy);
  }
}

async function prepare({ name, from }: FoundDataset, place: ReturnType<typeof placeOf>): Promise<Prepared> {
  if (from.how === 'linked') return from;
  const { id, folder } = place;
  if (from.how === 'copied' && folder) {
    const facts = await makeWholeFolder(folder, async (temporary) => {
      for (const part of from.parts) await copyTo(part.file, join(temporary, part.name));
      return readFacts(temporary, true);
    });
    return { how: 'copied', id, name, folder, facts };
  }
  if (from.how !== 'built') throw new Error(`a dataset that is ${from.how} without a folder`);
  const { train, test, puzzle, holdOut } = from;
  const copy = folder;
  if (copy) {
    makeFolders(dirname(copy));
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
  makeFolders(dirname(path));
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
