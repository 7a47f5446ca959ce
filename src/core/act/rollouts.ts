/**
 * Paths with noise: each example of a batch is K rows, row 0 without noise. E examples, K paths, B = E·K rows, S cells.
 * Source of the idea, noise at test time and the best of K by q: arXiv 2605.19943.
 */
import type { Rollouts } from '../../shared/rollouts';
import type { Batch } from '../data/batch';
import { totalLength, type ModelSpec } from '../model/architecture';
import { Random } from '../lib/random';
import type { ActStep } from './batch';
import { pickRows } from './pick-rows';

/** Every example `paths` times, one row after another; padding too. */
export function repeatRows(batch: Batch, paths: number): Batch {
  const repeated = (values: Int32Array): Int32Array => {
    const width = values.length / batch.size;
    const out = new Int32Array(values.length * paths);
    for (let row = 0; row < batch.size * paths; row++) {
      const example = Math.floor(row / paths);
      out.set(values.subarray(example * width, (example + 1) * width), row * width);
    }
    return out;
  };
  return {
    size: batch.size * paths,
    filled: batch.filled * paths,
    inputs: repeated(batch.inputs),
    labels: repeated(batch.labels),
    puzzle_identifiers: repeated(batch.puzzle_identifiers),
  };
}

/**
 * The noise of a batch, step by step. Each path of each example has random numbers of its own, so that it is the same in
 * whatever batch the example comes, and after an evaluation has been taken up again.
 */
export class PathNoise {
  private readonly paths: (Random | null)[];
  private readonly width: number;
  private readonly values: Float32Array;

  /** @param examples numbers that tell the examples of a batch apart; as many as it has, padding included */
  constructor(
    spec: ModelSpec,
    private readonly rollouts: Pick<Rollouts, 'paths' | 'noise' | 'seed'>,
    examples: readonly number[],
  ) {
    this.width = totalLength(spec) * spec.arch.hidden_size;
    this.paths = examples.flatMap((example) =>
      Array.from({ length: rollouts.paths }, (_, path) =>
        path === 0 ? null : new Random(rollouts.seed, `rollout:${example}:${path}`),
      ),
    );
    this.values = new Float32Array(this.paths.length * this.width);
  }

  /** [B, T, D] for the next ACT step; overwritten by the one after. */
  next(): Float32Array {
    const { width, values, rollouts } = this;
    this.paths.forEach((random, row) => {
      if (random) gaussian(random, rollouts.noise, values.subarray(row * width, (row + 1) * width));
    });
    return values;
  }
}

const RANGE = 2 ** 32;

/** Fills `out` with N(0, deviation²) by Box and Muller's transform. */
function gaussian(random: Random, deviation: number, out: Float32Array): void {
  for (let i = 0; i < out.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log((random.uint32() + 1) / RANGE));
    const angle = (2 * Math.PI * random.uint32()) / RANGE;
    out[i] = radius * Math.cos(angle);
    // Beyond the end of an array of odd length nothing is stored.
    out[i + 1] = radius * Math.sin(angle);
  }
}

/** An answer that some of the paths of an example give. */
interface Answer {
  votes: number;
  /** Sum of sigmoid(q_halt). */
  q: number;
  /** Its most confident row. */
  row: number;
}

export interface ChosenPaths {
  /** [E]: the row of each example that is chosen. */
  byQ: number[];
  byVote: number[];
  /** [E]: different answers, and paths that give the most frequent one. */
  distinct: number[];
  agreeing: number[];
}

/** Of all four bytes of each token: a vocabulary may be larger than 256. */
const keyOf = (tokens: Int32Array): string =>
  Buffer.from(tokens.buffer, tokens.byteOffset, tokens.byteLength).toString('latin1');

/** @param last the last ACT step of B = E·K rows */
export function choosePaths(last: ActStep, paths: number): ChosenPaths {
  const B = last.q_halt.length;
  const S = last.tokens.length / B;
  const chosen: ChosenPaths = { byQ: [], byVote: [], distinct: [], agreeing: [] };
  for (let first = 0; first < B; first += paths) {
    const answers = new Map<string, Answer>();
    let best = first;
    for (let row = first; row < first + paths; row++) {
      const q = last.q_halt[row];
      if (q > last.q_halt[best]) best = row;
      const key = keyOf(last.tokens.subarray(row * S, (row + 1) * S));
      const answer = answers.get(key) ?? { votes: 0, q: 0, row };
      answer.votes++;
      answer.q += 1 / (1 + Math.exp(-q));
      if (q > last.q_halt[answer.row]) answer.row = row;
      answers.set(key, answer);
    }
    // As ARC's views vote: by votes, then by mean q; of equals the one that came first.
    const [most] = [...answers.values()].sort((a, b) => b.votes - a.votes || b.q / b.votes - a.q / a.votes);
    chosen.byQ.push(best);
    chosen.byVote.push(most.row);
    chosen.distinct.push(answers.size);
    chosen.agreeing.push(most.votes);
  }
  return chosen;
}

/** [E] rows of the last step, one an example: as `choose` says. */
export function chosenStep(last: ActStep, { byQ, byVote }: ChosenPaths, choose: Rollouts['choose']): ActStep {
  return pickRows((choose === 'q' ? byQ : byVote).map((row) => ({ step: last, row })));
}

/** [E] rows: what path 0 says at each step. */
export const firstPaths = (steps: readonly ActStep[], paths: number): ActStep[] =>
  steps.map((step) =>
    pickRows(Array.from({ length: step.q_halt.length / paths }, (_, example) => ({ step, row: example * paths }))),
  );
