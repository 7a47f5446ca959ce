/**
 * A task as test-time training sees it: augmented copies ("views"), each a puzzle of its own with an embedding row, the
 * examples that they are trained on, the demonstration that each may keep back, and the questions that they answer.
 */
import { COLOURS, MAX_GRID, type Task } from '../../shared/arc';
import { IDENTITY, augmentedName, type Augmentation } from '../../shared/arc-augment';
import { PAD_TOKEN, paintCanvas } from '../../shared/arc-canvas';
import { flattenGrid, type Dihedral, type FlatGrid } from '../../shared/arc-grid';
import { IGNORE_LABEL, type Batch } from '../data/batch';
import type { Random } from '../lib/random';

export interface View {
  /** As in identifiers.json: `task|||tK|||0…`. */
  name: string;
  augmentation: Augmentation;
  /** Row of the puzzle embedding, counted from 1: 0 is the blank puzzle. */
  id: number;
  /** The demonstration that this view is not trained on, or null. */
  heldOut: number | null;
}

interface FlatPair {
  input: FlatGrid;
  output: FlatGrid;
}

/** What a view is asked without learning: a test input, or a demonstration. */
export interface Question {
  view: View;
  input: FlatGrid;
  /** Null where it is not known, or must not be. */
  output: FlatGrid | null;
}

/** Every third view keeps a demonstration back: enough for a check, and the others learn from all of them. */
const HOLD_OUT_EVERY = 3;

const side = ({ rows, columns }: FlatGrid): number => Math.max(rows, columns);

/** The whole permutations of 1 … 9, black stays; Fisher–Yates. */
function drawColours(random: Random): Uint8Array {
  const images = Uint8Array.from({ length: COLOURS }, (_, c) => c);
  for (let i = COLOURS - 1; i > 1; i--) {
    const j = random.integer(1, i);
    [images[i], images[j]] = [images[j], images[i]];
  }
  return images;
}

/**
 * `count` different augmentations, the first of them none. The symmetries come in turn, so that few views hold each of
 * them about equally often.
 */
export function drawViews(task: Task, count: number, random: Random): View[] {
  const demonstrations = task.train.length;
  const views: View[] = [];
  const names = new Set<string>();
  // 8 · 9! augmentations exist: a repetition is rare, and is drawn again.
  while (views.length < count) {
    const t = (views.length % 8) as Dihedral;
    const augmentation = views.length === 0 ? IDENTITY : { t, images: drawColours(random) };
    const name = augmentedName(task.name, augmentation);
    if (names.has(name)) continue;
    names.add(name);
    const keeps = demonstrations > 1 && views.length % HOLD_OUT_EVERY === HOLD_OUT_EVERY - 1;
    const heldOut = keeps ? Math.floor(views.length / HOLD_OUT_EVERY) % demonstrations : null;
    views.push({ name, augmentation, id: views.length + 1, heldOut });
  }
  return views;
}

/**
 * The smallest canvas on which every grid of the task, the answer too, may be expected to fit with its end marks: one
 * more than the largest side. An answer's size is not known, but it does not exceed what the task shows by much: it is
 * the test input's where the demonstrations keep sizes, and the largest demonstrated output's otherwise.
 */
export function smallestCanvas(task: Task): number {
  const grids = [
    ...task.train.flatMap(({ input, output }) => [input, output]),
    ...task.test.map(({ input }) => input),
  ].map(flattenGrid);
  const largest = Math.max(...grids.map(side));
  // Outputs that grow with their inputs grow for the test input too.
  const growth = Math.max(
    ...task.train.map(({ input, output }) => side(flattenGrid(output)) / side(flattenGrid(input))),
    0,
  );
  const expected =
    growth > 1 ? Math.ceil(Math.max(...task.test.map(({ input }) => side(flattenGrid(input)))) * growth) : 0;
  return Math.min(MAX_GRID, Math.max(largest, expected) + 1);
}

export class TaskViews {
  readonly views: readonly View[];
  private readonly demonstrations: FlatPair[];
  private readonly tests: FlatGrid[];

  /** @param canvas side of the square that grids are painted on; every grid of the task must fit */
  constructor(
    readonly task: Task,
    count: number,
    readonly canvas: number,
    random: Random,
  ) {
    this.views = drawViews(task, count, random);
    this.demonstrations = task.train.map(({ input, output }) => ({
      input: flattenGrid(input),
      output: flattenGrid(output),
    }));
    this.tests = task.test.map(({ input }) => flattenGrid(input));
  }

  /** S */
  get cells(): number {
    return this.canvas ** 2;
  }

  /** A batch of `size` training examples: a view, one of its demonstrations, and a place on the canvas, all at random. */
  trainingBatch(size: number, random: Random): Batch {
    const batch = blankBatch(size, this.cells);
    for (let b = 0; b < size; b++) {
      const view = this.views[random.integer(0, this.views.length - 1)];
      const kept = this.demonstrations.filter((_, i) => i !== view.heldOut);
      const pair = kept[random.integer(0, kept.length - 1)];
      const turned = view.augmentation.t % 2 === 1 && view.augmentation.t < 4 ? true : view.augmentation.t >= 6;
      const extent = (of: 'rows' | 'columns') => Math.max(pair.input[of], pair.output[of]);
      const [rows, columns] = turned ? [extent('columns'), extent('rows')] : [extent('rows'), extent('columns')];
      const row = random.integer(0, this.canvas - rows);
      const column = random.integer(0, this.canvas - columns);
      this.paint(batch, b, { view, ...pair }, row, column);
    }
    batch.filled = size;
    return batch;
  }

  /** The test inputs of every view: view by view, tests in the task's order. */
  testQuestions(): (Question & { test: number })[] {
    return this.views.flatMap((view) => this.tests.map((input, test) => ({ view, input, output: null, test })));
  }

  /** What views keep back. */
  heldOutQuestions(): Question[] {
    return this.views.flatMap((view) =>
      view.heldOut === null ? [] : [{ view, ...this.demonstrations[view.heldOut] }],
    );
  }

  /** One demonstration of each view that it is trained on. */
  fittedQuestions(): Question[] {
    return this.views.map((view, v) => {
      const kept = this.demonstrations.filter((_, i) => i !== view.heldOut);
      return { view, ...kept[v % kept.length] };
    });
  }

  /** Questions in batches of `size`, grids at the top left, as in the reference's test split. */
  *questionBatches<Q extends Question>(questions: readonly Q[], size: number): Generator<{ batch: Batch; asked: Q[] }> {
    for (let from = 0; from < questions.length; from += size) {
      const asked = questions.slice(from, from + size);
      const batch = blankBatch(size, this.cells);
      asked.forEach((question, b) => this.paint(batch, b, question, 0, 0));
      batch.filled = asked.length;
      yield { batch, asked };
    }
  }

  private paint(batch: Batch, b: number, { view, input, output }: Question, row: number, column: number): void {
    const { t, images } = view.augmentation;
    const canvas = new Uint8Array(this.cells);
    paintCanvas(canvas, 0, this.canvas, input, t, images, row, column);
    batch.inputs.set(canvas, b * this.cells);
    if (output) {
      canvas.fill(PAD_TOKEN);
      paintCanvas(canvas, 0, this.canvas, output, t, images, row, column);
      for (let s = 0; s < this.cells; s++) {
        batch.labels[b * this.cells + s] = canvas[s] === PAD_TOKEN ? IGNORE_LABEL : canvas[s];
      }
    }
    batch.puzzle_identifiers[b] = view.id;
  }
}

function blankBatch(size: number, cells: number): Batch {
  return {
    size,
    filled: 0,
    inputs: new Int32Array(size * cells),
    labels: new Int32Array(size * cells).fill(IGNORE_LABEL),
    puzzle_identifiers: new Int32Array(size),
  };
}
