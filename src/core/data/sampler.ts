/**
 * The order of training, as in the reference's `puzzle_dataset.py`: an iteration is a number of epochs (those between
 * two evaluations); an epoch is a permutation of the groups; of each group one puzzle is drawn, and of it as many
 * examples without replacement as still fit the batch. The incomplete last batch is dropped. Of several data paths each
 * has such an iteration of its own, one after another.
 *
 * The numbers come from a generator of our own. The reference's order cannot be had again anyhow: it draws groups and
 * puzzles from NumPy's Philox but the examples from a generator that nobody seeds.
 */
import { StudioError } from '../../shared/errors';
import { Random, type RandomState } from '../lib/random';
import type { Batch } from './batch';
import type { MergedSplit } from './merged';

export interface SamplerOptions {
  batchSize: number;
  /** Epochs per iteration. */
  epochs: number;
  seed: number;
}

/** Where the sampler stands; plain JSON. With equal data and options it goes on exactly from there. */
export interface SamplerState {
  iteration: number;
  /** Which data path; absent in states of earlier versions, which had one. */
  path?: number;
  /** Within the path's share of the iteration. */
  epoch: number;
  /** Groups of this epoch that are used up. */
  position: number;
  random: RandomState;
}

export class TrainSampler {
  private iteration = 0;
  private path = 0;
  private epoch = 0;
  private position = 0;
  private random: Random;
  private readonly paths: [number, number][];
  /** The groups of this epoch in their order; depends on seed and place alone, so the state need not hold it. */
  private order: Int32Array;
  /** Room for the examples of a puzzle. */
  private pool = new Int32Array(64);

  constructor(
    private readonly data: MergedSplit,
    private readonly options: SamplerOptions,
  ) {
    this.paths = data.pathGroups;
    this.random = this.iterationRandom();
    this.order = this.epochOrder();
  }

  /**
   * The next batch, always full; null at the end of an iteration, after which the next one begins.
   * @throws StudioError `bad_input` if a whole iteration has too few examples for one batch
   */
  next(): Batch | null {
    const { batchSize } = this.options;
    const examples = new Int32Array(batchSize);
    let filled = 0;
    const fresh = this.path === 0 && this.epoch === 0 && this.position === 0;
    let most = 0;
    while (filled < batchSize) {
      if (this.position === this.order.length) {
        if (this.epoch + 1 < this.options.epochs) this.nextEpoch(this.path, this.epoch + 1);
        else if (this.path + 1 < this.paths.length) {
          most = Math.max(most, filled);
          filled = 0; // a batch never holds examples of two paths
          this.nextEpoch(this.path + 1, 0);
        } else {
          if (fresh) this.refuseTooFew(Math.max(most, filled));
          this.nextIteration();
          return null;
        }
        continue;
      }
      const [firstPuzzle, endPuzzle] = this.data.groupPuzzles(this.order[this.position++]);
      const [first, end] = this.data.puzzleExamples(this.random.integer(firstPuzzle, endPuzzle - 1));
      filled += this.choose(first, end, examples, filled);
    }
    return this.data.batch(examples);
  }

  state(): SamplerState {
    return {
      iteration: this.iteration,
      path: this.path,
      epoch: this.epoch,
      position: this.position,
      random: this.random.save(),
    };
  }

  /** @throws StudioError `damaged` if the state does not fit the data or the options */
  restore(state: SamplerState): void {
    const { iteration, path = 0, epoch, position, random } = state;
    const whole = [iteration, path, epoch, position].every((n) => Number.isSafeInteger(n) && n >= 0);
    const [first, end] = this.paths[path] ?? [0, 0];
    if (!whole || epoch >= this.options.epochs || position > end - first || random.length !== 4) {
      throw new StudioError(
        'damaged',
        `The data position ${JSON.stringify([iteration, epoch, position])} does not fit ${this.data.groups} groups and ${this.options.epochs} epochs per evaluation: resume with the config and dataset that the run was started with.`,
      );
    }
    this.iteration = iteration;
    this.path = path;
    this.epoch = epoch;
    this.position = position;
    this.random = this.iterationRandom();
    this.random.restore(random);
    this.order = this.epochOrder();
  }

  /** Distinct examples of first … end into `out`, as many as fit. @returns how many */
  private choose(first: number, end: number, out: Int32Array, filled: number): number {
    const size = end - first;
    const count = Math.min(size, out.length - filled);
    if (this.pool.length < size) this.pool = new Int32Array(2 * size);
    const { pool } = this;
    for (let i = 0; i < size; i++) pool[i] = first + i;
    for (let i = 0; i < count; i++) {
      const j = this.random.integer(i, size - 1);
      out[filled + i] = pool[j];
      pool[j] = pool[i];
    }
    return count;
  }

  private nextEpoch(path: number, epoch: number): void {
    this.path = path;
    this.epoch = epoch;
    this.position = 0;
    this.order = this.epochOrder();
  }

  private nextIteration(): void {
    this.iteration++;
    this.random = this.iterationRandom();
    this.nextEpoch(0, 0);
  }

  private iterationRandom(): Random {
    return new Random(this.options.seed, `examples ${this.iteration}`);
  }

  private epochOrder(): Int32Array {
    const [first, end] = this.paths[this.path];
    const stream = `groups ${this.iteration} ${this.epoch}${this.path > 0 ? ` ${this.path}` : ''}`;
    const random = new Random(this.options.seed, stream);
    const order = Int32Array.from({ length: end - first }, (_, i) => first + i);
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.integer(0, i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  private refuseTooFew(examples: number): never {
    const { batchSize, epochs } = this.options;
    throw new StudioError(
      'bad_input',
      `global_batch_size is ${batchSize}, but ${epochs === 1 ? 'one epoch' : `${epochs} epochs`} between evaluations yield${epochs === 1 ? 's' : ''} only ${examples} examples: choose a smaller batch or a larger eval_interval.`,
    );
  }
}
