/** Solves: a kind of job that begins again where it was cut off, and is kept with its answers. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolders } from '../../core/lib/folders';
import { unpackGrid, type Task } from '../../shared/arc';
import { sameGrid } from '../../shared/arc-grid';
import type { ComputeJob, FromCompute, JobResult } from '../../shared/compute';
import type { SolveDetail, SolveInfo } from '../../shared/contract/solves';
import { StudioError } from '../../shared/errors';
import type { SolveOptions } from '../../shared/solve';
import { timestamp } from '../clock';
import type { Context } from '../context';
import { absolutePath, storedPath } from '../home';
import { newId } from '../ids';
import { Jobs } from '../jobs/jobs';
import type { JobQueue, QueueEnd } from '../jobs/queue';
import type { SolveRecord } from '../repositories/solves';
import { keptFolder } from './kept';
import { solveDetail, solveInfo } from './summary';

export interface SolveStart {
  checkpoint: number | null;
  options: SolveOptions;
  /** A file that belongs to no run: the command line's. */
  checkpointPath?: string;
}

type SolveFile = Extract<JobResult, { kind: 'solve' }>;

const WORDS = {
  noun: 'solve',
  closed: 'TRM Studio was closed before it was finished: it begins again at the next start.',
  lost: 'TRM Studio ended before it was finished: run it again.',
  resumed: 'run again',
};

export class Solves extends Jobs<SolveRecord, SolveInfo, SolveDetail> {
  /** @param detachTraces ends the playbacks of a solve, and names their files */
  constructor(
    context: Context,
    queue: JobQueue,
    private readonly detachTraces: (solve: string) => string[],
  ) {
    super(context, queue, context.store.solves, WORDS);
  }

  /** @throws StudioError `not_found` if the checkpoint is gone */
  create(tasks: readonly Task[], start: SolveStart): SolveInfo[] {
    const { store, home, owner } = this.context;
    const path = start.checkpointPath ?? this.checkpointPath(start.checkpoint);
    const created = tasks.map((task) => {
      const id = newId();
      const out = join(home.solves, `${id}.json`);
      makeFolders(dirname(out));
      store.solves.insert({
        id,
        task: task.name,
        task_json: task,
        checkpoint: start.checkpoint,
        checkpoint_path: path,
        options: start.options,
        status: 'queued',
        error: null,
        step: 0,
        seconds: 0,
        checks: [],
        candidates: [],
        correct: null,
        path: storedPath(home, out),
        bytes: null,
        sha256: null,
        kept_bytes: null,
        owner,
        resume_at_start: false,
        created: timestamp(),
      });
      this.changed(id);
      return id;
    });
    this.queue.pump();
    return created.map((id) => this.info(this.record(id)));
  }

  /** The same task again, as another solve. */
  again(id: string, start: SolveStart): SolveInfo {
    return this.create([this.record(id).task_json], start)[0];
  }

  /** @throws StudioError `conflict` if a solve that waits or runs starts from one of these checkpoints of a run */
  refuseWaiting(checkpoints: readonly number[], run: string): void {
    const waiting = this.context.store.solves
      .active()
      .find(({ checkpoint }) => checkpoint !== null && checkpoints.includes(checkpoint));
    if (!waiting) return;
    throw new StudioError(
      'conflict',
      `The solve of ${waiting.task} is ${waiting.status} and starts from ${run}: cancel it, or let it end, before the run is deleted.`,
    );
  }

  protected job(solve: SolveRecord, job: string): ComputeJob {
    const { home } = this.context;
    const { task_json: task, options, checkpoint_path: checkpoint } = solve;
    const [out, keep] = [absolutePath(home, solve.path), keptFolder(home, solve)];
    return { type: 'solve', job, task, options, checkpoint, out, keep };
  }

  protected heard(id: string, message: FromCompute): void {
    const { store, events } = this.context;
    if (message.type === 'solve-step') {
      const { step, seconds, loss } = message;
      store.solves.update(id, { step, seconds });
      events.emit('solve.progress', { solve: id, step, seconds, loss });
    } else if (message.type === 'solve-check') {
      const { check, candidates } = message;
      const { checks } = this.record(id);
      this.update(id, { step: check.step, seconds: check.seconds, checks: [...checks, check], candidates });
    }
  }

  protected finish(id: string, { status, result }: Exclude<QueueEnd, { status: 'failed' }>): void {
    const { task_json, candidates } = this.record(id);
    const known = task_json.test.flatMap(({ output }, i) => {
      const attempts = (candidates[i] ?? []).slice(0, 2);
      return output ? [attempts.some(({ grid }) => sameGrid(grid, output))] : [];
    });
    const correct = known.length ? known.every(Boolean) : null;
    const file: Partial<SolveFile> = result?.kind === 'solve' ? result : {};
    const { kept = null, bytes = null, sha256 = null, notes = [] } = file;
    const fault = kept && 'fault' in kept ? [`Its playback cannot be made. ${kept.fault}`] : [];
    const error = [...notes, ...fault].join(' ') || null;
    const kept_bytes = kept && 'bytes' in kept ? kept.bytes : null;
    this.update(id, { status, error, correct, bytes, sha256, kept_bytes, owner: null, resume_at_start: false });
  }

  /** It begins at its beginning. */
  protected fresh() {
    return { step: 0, seconds: 0, checks: [], candidates: [], correct: null };
  }

  protected refuseResume({ status, kept_bytes, checkpoint_path }: SolveRecord): void {
    // One that was ended by hand has its answer, and playbacks that belong to it.
    if ((status !== 'stopped' && status !== 'failed') || kept_bytes !== null) {
      throw new StudioError('conflict', `The solve is ${status}: solve the task again instead.`);
    }
    if (checkpoint_path !== null && !existsSync(checkpoint_path)) {
      throw new StudioError(
        'not_found',
        `Its checkpoint ${checkpoint_path} has been removed: solve the task from another.`,
      );
    }
  }

  /** A checkpoint that is gone is named by the job itself. */
  protected missing(): null {
    return null;
  }

  protected override detach(id: string): string[] {
    return this.detachTraces(id);
  }

  protected files(solve: SolveRecord): string[] {
    const { home } = this.context;
    return [absolutePath(home, solve.path), keptFolder(home, solve)];
  }

  protected info(solve: SolveRecord): SolveInfo {
    return solveInfo(this.context, solve);
  }

  protected detail(solve: SolveRecord): SolveDetail {
    return solveDetail(this.context, solve);
  }

  protected emitChanged(info: SolveInfo): void {
    this.context.events.emit('solve.changed', info);
  }

  protected emitDeleted(solve: string): void {
    this.context.events.emit('solve.deleted', { solve });
  }

  private checkpointPath(id: number | null): string | null {
    if (id === null) return null;
    const { store, home } = this.context;
    const checkpoint = store.checkpoints.get(id);
    if (checkpoint) return absolutePath(home, checkpoint.path);
    throw new StudioError('not_found', `There is no checkpoint ${id}: it may have been removed for a newer one.`);
  }
}

/** Tasks of the store by id, whole. @throws StudioError `not_found` */
export function storedTasks({ store }: Context, ids: readonly number[]): Task[] {
  return ids.map((id) => {
    const task = store.tasks.get(id);
    if (!task) throw new StudioError('not_found', `There is no task ${id}: its collection may have been deleted.`);
    const pair = ({ input, output }: { input: string; output: string }) => ({
      input: unpackGrid(input),
      output: unpackGrid(output),
    });
    return {
      name: task.name,
      train: task.train.map(pair),
      test: task.test.map(({ input, output }) =>
        output === null ? { input: unpackGrid(input) } : pair({ input, output }),
      ),
    };
  });
}
