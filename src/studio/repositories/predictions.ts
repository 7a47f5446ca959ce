import type { PinnedPrediction } from '../../shared/compute';
import type { PredictionSet } from '../../shared/contract/runs';
import type { Db } from '../db/open';

interface Row {
  step: number;
  split: 'train' | 'test';
  example: number;
  puzzle: string;
  tokens: Buffer;
  confidence: Buffer;
  q_halt: number;
  wrong: number;
}

/** A copy of its own: SQLite's buffers may be views of a larger pool, which would travel whole over IPC. */
const bytes = (buffer: Buffer): Uint8Array => Uint8Array.from(buffer);

/** Predictions of the pinned examples, one set per evaluation. */
export class PredictionRepository {
  constructor(private readonly db: Db) {}

  /** Replaces the set of the same step. */
  put(run: string, step: number, predictions: readonly PinnedPrediction[]): void {
    const insert = this.db.prepare(
      `INSERT INTO predictions (run, step, position, split, example, puzzle, tokens, confidence, q_halt, wrong)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.db.transaction(() => {
      this.db.prepare('DELETE FROM predictions WHERE run = ? AND step = ?').run(run, step);
      predictions.forEach((p, i) => {
        const { split, index } = p.example;
        insert.run(
          run,
          step,
          i,
          split,
          index,
          p.puzzle,
          Buffer.from(p.tokens),
          Buffer.from(p.confidence),
          p.q_halt,
          p.wrong,
        );
      });
    })();
  }

  /** Steps ascending. */
  list(run: string, afterStep = -1): PredictionSet[] {
    const rows = this.db
      .prepare('SELECT * FROM predictions WHERE run = ? AND step > ? ORDER BY step, position')
      .all(run, afterStep) as Row[];
    const sets: PredictionSet[] = [];
    for (const row of rows) {
      let set = sets[sets.length - 1];
      if (!set || set.step !== row.step) sets.push((set = { run, step: row.step, predictions: [] }));
      set.predictions.push({
        example: { split: row.split, index: row.example },
        puzzle: row.puzzle,
        tokens: bytes(row.tokens),
        confidence: bytes(row.confidence),
        q_halt: row.q_halt,
        wrong: row.wrong,
      });
    }
    return sets;
  }

  /** −1 where there are none. */
  lastStep(run: string): number {
    const row = this.db.prepare('SELECT max(step) AS step FROM predictions WHERE run = ?').get(run) as {
      step: number | null;
    };
    return row.step ?? -1;
  }

  deleteAfter(run: string, step: number): number {
    return this.db.prepare('DELETE FROM predictions WHERE run = ? AND step > ?').run(run, step).changes;
  }
}
