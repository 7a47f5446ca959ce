/**
 * ARC predictions to votes: a canvas is cropped to its grid, and the augmentation that the puzzle's identifier names is
 * undone, for the input and the prediction alike. Source: `evaluators/arc.py`, `ARC.update_batch`.
 */
import { basename, join } from 'node:path';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Task } from '../../shared/arc';
import { StudioError } from '../../shared/errors';
import { cropGrid } from '../../shared/arc-canvas';
import { inverseColours, inverseDihedral, recolourGrid, transformGrid, type FlatGrid } from '../../shared/arc-grid';
import { parseJson } from '../arc/json';
import { parseTask } from '../../shared/arc-task';
import { Votes } from '../arc/voting';
import { parseAugmentedName, type Augmentation } from '../../shared/arc-augment';
import type { IdentifierTable } from '../data/identifiers';

/** A grid of an augmented puzzle in the frame of the puzzle itself. The builder recolours first and turns then. */
export function undoAugmentation(grid: FlatGrid, { t, images }: Augmentation): FlatGrid {
  return recolourGrid(transformGrid(grid, inverseDihedral(t)), inverseColours(images));
}

export class ArcVotes {
  /** The last identifier's name, parsed: examples of a puzzle come one after another. */
  private last = { identifier: -1, ...parseAugmentedName('') };

  constructor(
    private readonly names: IdentifierTable,
    private readonly side: number,
    readonly votes: Votes = new Votes(),
  ) {}

  /**
   * One prediction. @param identifier not the blank one @param input [side²] @param prediction [side²], tokens
   * @param q_halt logit
   * @throws StudioError `bad_input` for an identifier that has no name
   */
  add(identifier: number, input: ArrayLike<number>, prediction: ArrayLike<number>, q_halt: number): void {
    if (identifier !== this.last.identifier) {
      if (!(identifier >= 0 && identifier < this.names.length)) {
        throw new StudioError(
          'bad_input',
          `There is a prediction for puzzle identifier ${identifier}, and identifiers.json has ${this.names.length} names: name the dataset that the predictions were made with.`,
        );
      }
      this.last = { identifier, ...parseAugmentedName(this.names.name(identifier)) };
    }
    const { name, augmentation } = this.last;
    const own = (tokens: ArrayLike<number>): FlatGrid => {
      const grid = cropGrid(tokens, this.side);
      return augmentation ? undoAugmentation(grid, augmentation) : grid;
    };
    this.votes.add(name, own(input), own(prediction), 1 / (1 + Math.exp(-q_halt)), identifier);
  }
}

/**
 * The tasks of a dataset's test split, from `test_puzzles.json`, in the file's order.
 * @throws StudioError if the file is missing or holds no tasks
 */
export async function readTestTasks(dataset: string): Promise<Task[]> {
  const path = join(dataset, 'test_puzzles.json');
  if (!existsSync(path)) {
    throw new StudioError(
      'not_found',
      `${basename(path)} is missing in ${dataset}: build the dataset with a test set, or copy the whole folder.`,
    );
  }
  const { value, keys } = parseJson(await readFile(path), path);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StudioError('damaged', `${path} is not an object of tasks: build the dataset again.`);
  }
  return keys.map((name) => parseTask(name, (value as Record<string, unknown>)[name], `${path}, task ${name}`));
}
