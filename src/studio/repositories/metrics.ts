import type { MetricBatch, MetricSeries } from '../../shared/metrics';
import type { Db } from '../db/open';
import { parseStored } from './rows';

/**
 * Every point of every metric. A row holds all values of one step as float64, so that a run of a million steps is read
 * by decoding a million small blobs instead of twelve million rows.
 */
export class MetricRepository {
  constructor(private readonly db: Db) {}

  /** Stores a flush; a step that is already there with the same names is replaced (a resumed run repeats none). */
  append(run: string, batch: MetricBatch): void {
    const names = Object.keys(batch.values);
    if (!names.length || !batch.steps.length) return;
    const insert = this.db.prepare(
      'INSERT OR REPLACE INTO metrics (run, step, metric_set, seconds, numbers) VALUES (?, ?, ?, ?, ?)',
    );
    this.db.transaction(() => {
      const set = this.setId(names);
      batch.steps.forEach((step, i) => {
        const numbers = Float64Array.from(names, (name) => batch.values[name][i] ?? NaN);
        insert.run(run, step, set, batch.seconds[i], Buffer.from(numbers.buffer));
      });
    })();
  }

  /** All series of a run (or the named ones), steps ascending, points without a value left out. */
  series(run: string, names?: readonly string[]): MetricSeries[] {
    const wanted = names ? new Set(names) : null;
    const sets = this.namesById();
    const rows = this.db
      .prepare('SELECT step, metric_set, seconds, numbers FROM metrics WHERE run = ? ORDER BY step, metric_set')
      .raw()
      .all(run) as [number, number, number, Buffer][];
    const columns = new Map<string, { steps: number[]; seconds: number[]; values: number[] }>();
    for (const [step, set, seconds, blob] of rows) {
      const numbers = decode(blob);
      (sets.get(set) ?? []).forEach((name, i) => {
        if ((wanted && !wanted.has(name)) || Number.isNaN(numbers[i])) return;
        let column = columns.get(name);
        if (!column) columns.set(name, (column = { steps: [], seconds: [], values: [] }));
        column.steps.push(step);
        column.seconds.push(seconds);
        column.values.push(numbers[i]);
      });
    }
    return [...columns].map(([name, column]) => ({
      name,
      steps: Float64Array.from(column.steps),
      seconds: Float64Array.from(column.seconds),
      values: Float32Array.from(column.values),
    }));
  }

  /** What was stored after `step`, set by set, as it was flushed: for a studio that watches another one's run. */
  batchesAfter(run: string, step: number): MetricBatch[] {
    const sets = this.namesById();
    const rows = this.db
      .prepare('SELECT step, metric_set, seconds, numbers FROM metrics WHERE run = ? AND step > ? ORDER BY step')
      .raw()
      .all(run, step) as [number, number, number, Buffer][];
    const batches = new Map<number, MetricBatch>();
    for (const [at, set, seconds, blob] of rows) {
      const names = sets.get(set) ?? [];
      let batch = batches.get(set);
      if (!batch) {
        batch = { steps: [], seconds: [], values: Object.fromEntries(names.map((name) => [name, [] as number[]])) };
        batches.set(set, batch);
      }
      batch.steps.push(at);
      batch.seconds.push(seconds);
      const numbers = decode(blob);
      names.forEach((name, i) => batch.values[name].push(numbers[i]));
    }
    return [...batches.values()];
  }

  /** Names that the run has points of, in the order in which they were first stored. */
  names(run: string): string[] {
    const rows = this.db
      .prepare(
        'SELECT names_json FROM metric_sets WHERE id IN (SELECT DISTINCT metric_set FROM metrics WHERE run = ?) ORDER BY id',
      )
      .all(run) as { names_json: string }[];
    return [...new Set(rows.flatMap((row) => parseStored(row.names_json) as string[]))];
  }

  /** At most `limit` stored points behind `after`, steps ascending, with their values as they were stored (float64). */
  page(
    run: string,
    after: { step: number; set: number } | null,
    limit: number,
  ): { step: number; set: number; seconds: number; values: [string, number][] }[] {
    const sets = this.namesById();
    const rows = this.db
      .prepare(
        `SELECT step, metric_set, seconds, numbers FROM metrics WHERE run = ? AND (step, metric_set) > (?, ?)
         ORDER BY step, metric_set LIMIT ?`,
      )
      .raw()
      .all(run, after?.step ?? -1, after?.set ?? -1, limit) as [number, number, number, Buffer][];
    return rows.map(([step, set, seconds, blob]) => {
      const numbers = decode(blob);
      const values = (sets.get(set) ?? []).map((name, i): [string, number] => [name, numbers[i]]);
      return { step, set, seconds, values };
    });
  }

  /** One metric at one step, or null if it was not measured there. */
  valueAt(run: string, step: number, name: string): number | null {
    const rows = this.db
      .prepare('SELECT names_json, numbers FROM metrics JOIN metric_sets ON id = metric_set WHERE run = ? AND step = ?')
      .raw()
      .all(run, step) as [string, Buffer][];
    for (const [names, blob] of rows) {
      const value = decode(blob)[(parseStored(names) as string[]).indexOf(name)];
      if (value !== undefined && Number.isFinite(value)) return value;
    }
    return null;
  }

  lastStep(run: string): number {
    const row = this.db.prepare('SELECT max(step) AS step FROM metrics WHERE run = ?').get(run) as {
      step: number | null;
    };
    return row.step ?? 0;
  }

  deleteAfter(run: string, step: number): number {
    return this.db.prepare('DELETE FROM metrics WHERE run = ? AND step > ?').run(run, step).changes;
  }

  private setId(names: string[]): number {
    const key = JSON.stringify(names);
    this.db.prepare('INSERT OR IGNORE INTO metric_sets (names_json) VALUES (?)').run(key);
    const { id } = this.db.prepare('SELECT id FROM metric_sets WHERE names_json = ?').get(key) as { id: number };
    return id;
  }

  private namesById(): Map<number, string[]> {
    const rows = this.db.prepare('SELECT id, names_json FROM metric_sets').all() as {
      id: number;
      names_json: string;
    }[];
    return new Map(rows.map((row) => [row.id, parseStored(row.names_json) as string[]]));
  }
}

/** A blob may lie at an address that is no multiple of 8: copied, not viewed. */
function decode(blob: Buffer): Float64Array {
  return new Float64Array(blob.buffer.slice(blob.byteOffset, blob.byteOffset + blob.byteLength) as ArrayBuffer);
}
