/** The examples of a dataset that people look at: those of the puzzles as they are, without the augmented ones. */
import type { ExampleRef } from '../../shared/dataset';
import type { DatasetStore, SplitName } from './store';

export interface ListedExample {
  example: ExampleRef;
  /** The puzzle's name, e.g. "00d62c1b", or "test 17". */
  puzzle: string;
}

/**
 * A page of a split's unaugmented examples, in the order of the files. Every builder writes a group's own puzzle first
 * and its augmentations behind it, so these are the examples of each group's first puzzle.
 *
 * @param search only puzzles whose name holds this text, in any case
 */
export function listUnaugmented(
  store: DatasetStore,
  name: SplitName,
  { search = '', offset = 0, limit = 60 }: { search?: string; offset?: number; limit?: number } = {},
): { total: number; examples: ListedExample[] } {
  const { groupIndices, puzzleIndices } = store.split(name);
  const wanted = search.trim().toLowerCase();
  const examples: ListedExample[] = [];
  let total = 0;
  for (let g = 0; g + 1 < groupIndices.length; g++) {
    const [first, end] = [puzzleIndices[groupIndices[g]], puzzleIndices[groupIndices[g] + 1]];
    if (!wanted && (total + end - first <= offset || total >= offset + limit)) {
      total += end - first;
      continue;
    }
    for (let index = first; index < end; index++) {
      const puzzle = store.puzzleName({ split: name, index });
      if (wanted && !puzzle.toLowerCase().includes(wanted)) continue;
      if (total >= offset && total < offset + limit) examples.push({ example: { split: name, index }, puzzle });
      total++;
    }
  }
  return { total, examples };
}
