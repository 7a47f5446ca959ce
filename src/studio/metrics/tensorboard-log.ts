/**
 * A run's metrics, live, for a TensorBoard that looks on. Each session (a start, a resume) has a file of its own that
 * begins with the step from which it counts, so that TensorBoard drops what a resumed run repeats, and a file that a crash
 * cut off in the middle of a record is never written to again.
 */
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { makeFolders } from '../../core/lib/folders';
import { eventFileName, scalarsRecord, sessionStartRecord, versionRecord } from '../../core/export/tfevents';
import { toWireError } from '../../shared/errors';
import { referenceName } from '../../shared/metric-names';
import type { MetricBatch } from '../../shared/metrics';
import { nameSegment } from '../../shared/path-segment';
import type { RunRecord } from '../repositories/runs';

export class TensorBoardLog {
  private file: string | null = null;
  private broken = false;

  /**
   * @param folder TensorBoard's `--logdir`; the run gets a folder in it
   * @param firstStep the first step of this session
   * @param tell what is told once if the folder cannot be written: training goes on
   */
  constructor(
    private readonly folder: string,
    private readonly run: Pick<RunRecord, 'id' | 'name'>,
    private readonly firstStep: number,
    private readonly tell: (sentence: string) => void,
    private readonly now: () => Date = () => new Date(),
  ) {}

  append(batch: MetricBatch): void {
    if (this.broken) return;
    const wall = this.now().getTime() / 1000;
    const last = batch.seconds[batch.seconds.length - 1] ?? 0;
    const records = batch.steps.flatMap((step, i) => {
      const values = Object.entries(batch.values)
        .map(([name, column]): [string, number] => [referenceName(name), column[i]])
        .filter(([, value]) => !Number.isNaN(value));
      // The last point of a flush is of now, those before it of as much earlier as the training clock says.
      return values.length ? [scalarsRecord(wall - (last - batch.seconds[i]), step, values)] : [];
    });
    if (!records.length) return;
    try {
      this.file ??= this.begin();
      // One write for the flush: what a crash leaves is whole records and at most one cut off at the end.
      appendFileSync(this.file, Buffer.concat(records));
    } catch (error) {
      this.broken = true;
      const { message } = toWireError(error);
      this.tell(`TensorBoard’s events cannot be written to ${this.folder}: ${message} Training goes on without them.`);
    }
  }

  private begin(): string {
    const root = resolve(this.folder);
    makeFolders(root);
    // The folder keeps its name when the run gets another one.
    const known = readdirSync(root).find((name) => name.endsWith(`-${this.run.id}`));
    const folder = join(root, known ?? `${nameSegment(this.run.name, 'run')}-${this.run.id}`);
    makeFolders(folder);
    const at = this.now();
    const wall = at.getTime() / 1000;
    const newest = readdirSync(folder).sort().pop();
    let file: string;
    // Names order the sessions, also two of the same second.
    do {
      file = eventFileName(at, hostname(), String(process.pid));
      at.setSeconds(at.getSeconds() + 1);
    } while (existsSync(join(folder, file)) || (newest !== undefined && file <= newest));
    const path = join(folder, file);
    appendFileSync(path, Buffer.concat([versionRecord(wall), sessionStartRecord(wall, this.firstStep)]), {
      flag: 'ax',
    });
    return path;
  }
}
