/** How far an evaluation has come, as a file from which a killed one goes on to the same result. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StudioError } from '../../shared/errors';
import type { EvaluatedTask } from '../../shared/evaluation';
import type { Votes } from '../arc/voting';
import type { CellSums } from '../act/cell-sums';
import { FILES } from './report';
import { readVotes, writeVotes } from './votes-file';

/** The share of the time that saving may take at most. */
const SHARE = 0.05;

export interface ProgressState {
  /** What decides the numbers; a file of another question is refused. */
  question: Record<string, unknown>;
  /** The questions of the earlier evaluations whose votes are counted too. */
  pooled: unknown[];
  /** Examples that are done. */
  done: number;
  seconds: number;
  votes: Votes;
  cells: CellSums;
  /** Sudoku and maze examples that are listed so far. */
  listed: EvaluatedTask[];
  /** Sums over paths, where there are several. */
  rollouts?: Record<string, number>;
}

interface About {
  question: Record<string, unknown>;
  pooled: unknown[];
  done: number;
  seconds: number;
  count: number;
  listed: EvaluatedTask[];
  rollouts?: Record<string, number>;
}

export class ProgressFile {
  private readonly path: string;
  private saved = performance.now();
  private cost = 0;

  /** @param everyS seconds between two savings; 0 saves whenever asked */
  constructor(
    folder: string,
    private readonly everyS: number,
  ) {
    this.path = join(folder, FILES.progress);
  }

  get exists(): boolean {
    return existsSync(this.path);
  }

  /** Whether it is time to save: not so often that the saving itself takes the time. */
  due(): boolean {
    return this.everyS === 0 || performance.now() - this.saved > Math.max(this.everyS * 1000, this.cost / SHARE);
  }

  async save({ question, pooled, done, seconds, votes, cells, listed, rollouts }: ProgressState): Promise<void> {
    const started = performance.now();
    const about: About = { question, pooled, done, seconds, count: cells.count, listed, rollouts };
    await writeVotes(this.path, votes, about, { sums: { shape: [cells.sums.length], data: cells.sums } });
    this.saved = performance.now();
    this.cost = this.saved - started;
  }

  /**
   * @param cells receives the saved sums
   * @throws StudioError `conflict` if the file answers another question, naming the first difference
   */
  async restore(
    question: Record<string, unknown>,
    cells: CellSums,
  ): Promise<Omit<ProgressState, 'question' | 'cells'>> {
    const { votes, about, extra } = await readVotes(this.path);
    const saved = about as About;
    for (const [key, value] of Object.entries(question)) {
      const [ours, theirs] = [JSON.stringify(value), JSON.stringify(saved.question[key] ?? null)];
      if (ours === theirs) continue;
      throw new StudioError(
        'conflict',
        `The unfinished evaluation in ${this.path} has ${key} ${theirs}, this one ${ours}: continue it with its own values, or choose another folder.`,
      );
    }
    const sums = extra.get('sums')?.data;
    if (!(sums instanceof Float64Array) || sums.length !== cells.sums.length) {
      throw new StudioError('damaged', `${this.path} is not whole: delete it and evaluate again.`);
    }
    cells.sums.set(sums);
    cells.count = saved.count;
    const { pooled, done, seconds, listed, rollouts } = saved;
    return { pooled, done, seconds, votes, listed, rollouts };
  }
}
