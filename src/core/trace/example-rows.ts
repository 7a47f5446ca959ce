/** Which embedding row of a checkpoint a dataset's puzzle has. */
import type { ExampleRef } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import type { OpenCheckpoint } from '../checkpoint/native/checkpoint';
import { IdentifierTable } from '../data/identifiers';
import { namesCache, type Names, type NamesCache } from '../data/names-cache';
import type { DatasetStore } from '../data/store';

/**
 * The embedding row of each example's puzzle. Rows belong to names: a run on several datasets numbers them again. A view
 * that the run never saw takes the row of the example itself; null stands for the mean of all.
 * @param path of the checkpoint's file
 * @param mean whether the mean is to do for a puzzle that the run never saw
 * @throws StudioError `not_found` if the run never saw the first one, unless the mean is to do
 */
export async function embeddingRows(
  path: string,
  checkpoint: Pick<OpenCheckpoint, 'file'> & { meta: Pick<OpenCheckpoint['meta'], 'num_puzzle_identifiers'> },
  store: DatasetStore,
  refs: readonly ExampleRef[],
  mean: boolean,
  cache: NamesCache = namesCache,
): Promise<(number | null)[]> {
  const { meta } = checkpoint;
  const table = store.identifiers();
  const names = table ? await namesOf(path, checkpoint, cache) : null;
  const rowOf = (ref: ExampleRef): number | null => {
    const split = store.split(ref.split);
    const own = split.puzzleIdentifiers[split.puzzleOf(ref.index)];
    if (own === split.metadata.blank_identifier_id || !names || !table) {
      return own < meta.num_puzzle_identifiers ? own : null;
    }
    if (own < names.table.length && names.table.bytesOf(own).equals(table.bytesOf(own))) return own;
    const row = names.index.find(table, own);
    return row >= 0 ? row : null;
  };
  const [first, ...rest] = refs.map(rowOf);
  if (first === null && !mean) {
    const puzzle = store.puzzleName(refs[0]);
    throw new StudioError(
      'not_found',
      `The run has no embedding for ${puzzle} of ${store.path}: choose a puzzle that it was trained on, or train with that dataset.`,
    );
  }
  return [first, ...rest.map((row) => row ?? first)];
}

/** The names that the checkpoint holds; null where it holds none. */
async function namesOf(path: string, { file }: Pick<OpenCheckpoint, 'file'>, cache: NamesCache): Promise<Names | null> {
  const entry = file.tensors.get('identifiers');
  if (!entry || entry.shape[0] === 0) return null;
  return cache.load(path, async () => {
    const { data } = await file.read('identifiers');
    const bytes = data as Uint8Array;
    return IdentifierTable.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), path);
  });
}
