/** Views: the same puzzle under other symmetries and colours, as the dataset holds them. */
import { parseAugmentedName } from '../../shared/arc-augment';
import { decodeCanvas } from '../../shared/arc-canvas';
import type { ExampleRef } from '../../shared/dataset';
import type { DatasetStore } from '../data/store';
import { undoAugmentation } from '../evaluate/arc-votes';

/**
 * Other puzzles of the example's group whose input is the same grid once their augmentation is undone; the dataset's
 * order, at most `wanted`. None where puzzles have no augmentations (Sudoku, mazes) or the canvas holds no whole grid.
 */
export function siblingViews(store: DatasetStore, example: ExampleRef, wanted: number): ExampleRef[] {
  if (store.kind !== 'arc' || store.rows !== store.columns) return [];
  const own = undoneInput(store, example);
  if (own === null) return [];
  const split = store.split(example.split);
  const puzzle = split.puzzleOf(example.index);
  const group = split.groupIndices.findIndex((start, g) => start <= puzzle && puzzle < split.groupIndices[g + 1]);
  const found: ExampleRef[] = [];
  for (let p = split.groupIndices[group]; p < split.groupIndices[group + 1]; p++) {
    if (p === puzzle) continue;
    for (let index = split.puzzleIndices[p]; index < split.puzzleIndices[p + 1]; index++) {
      if (found.length === wanted) return found;
      const ref = { split: example.split, index };
      if (undoneInput(store, ref) !== own) continue;
      found.push(ref);
      // A puzzle may hold equal inputs twice; one view of it is enough.
      break;
    }
  }
  return found;
}

/** The input in the task's own frame, as text; null if the canvas holds no whole grid. */
function undoneInput(store: DatasetStore, ref: ExampleRef): string | null {
  const placed = decodeCanvas(store.read(ref).input, store.rows);
  if (!placed) return null;
  const { augmentation } = parseAugmentedName(store.puzzleName(ref));
  const { rows, columns, cells } = augmentation ? undoAugmentation(placed.grid, augmentation) : placed.grid;
  return `${rows}x${columns}:${cells.join('')}`;
}
