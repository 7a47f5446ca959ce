/** Solves: queued one behind the other, computed between the steps of whatever trains, and kept with their answers. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unpackGrid, type Task } from '../../shared/arc';
import { sameGrid } from '../../shared/arc-grid';
import type { SolveDetail, SolveInfo } from '../../shared/contract/solves';
import { StudioError } from '../../shared/errors';
import type { FromCompute, JobResult } from '../../shared/compute';
import type { SolveOptions } from '../../shared/solve';
import type { Context } from '../context';
import { absolutePath, storedPath } from '../home';
import { newId } from '../ids';
import { isAlive } from '../owner';
import type { SolveRecord } from '../repositories/solves';
import { removeFile } from '../runs/checkpoints';
import { stopLeftBehind } from '../supervisor/left-behind';
import type { TensorQueue } from '../supervisor/tensor-queue';
import { keptFolder } from './kept';
import { solveDetail, solveInfo } from './summary';

export interface SolveStart {
  checkpoint: number | null;
  options: SolveOptions;
  /** A file that belongs to no run: the command line's. */
  checkpointPath?: string;
}

type SolveFile = Extract<JobResult, { kind: 'solve' }>;
type Patch = Parameters<Context['store']['solves']['update']>[1];

const CLOSED = 'TRM Studio was closed before it was finished: it begins again at the next start.';
const LOST = 'TRM Studio ended before it was finished: run it again.';

export class Solves {
  /** @param removeTraces ends and removes the playbacks of a solve */
  constructor(
    private readonly context: Context,
    private readonly queue: TensorQueue,
    private readonly removeTraces: (solve: string) => void,
  ) {
    queue.serve({
      next: () => {
        const next = this.mine().find((solve) => solve.status === 'queued');
        if (!next) return null;
        const { id, created, task_json: task, options, checkpoint_path } = next;
        const out = absolutePath(context.home, next.path);
        const keep = keptFolder(context.home, next);
        const given = { task, options, checkpoint: checkpoint_path, out, keep };
        return { id, created, job: (job) => ({ type: 'solve', job, ...given }) };
      },
      started: (id) => this.update(id, { status: 'running', error: null, resume_at_start: false }),
      heard: (id, message) => this.hear(id, message),
      requeued: (id) => this.requeue(id),
      ended: (id, end) => {
        if (end.status === 'failed') this.update(id, { status: 'failed', error: end.error, owner: null });
        else if (end.status === 'stopped' && end.closing) {
          // Not its end: it begins anew. Until then it shows what it had.
          this.update(id, { status: 'stopped', error: CLOSED, owner: null, resume_at_start: true });
        } else this.finish(id, end.status, end.result?.kind === 'solve' ? end.result : null);
      },
    });
  }

  list(): SolveInfo[] {
    return this.context.store.solves.list().map((solve) => solveInfo(this.context, solve));
  }

  get(id: string): SolveDetail {
    return solveDetail(this.context, this.record(id));
  }

  /** @throws StudioError `not_found` if the checkpoint is gone */
  create(tasks: readonly Task[], start: SolveStart): SolveInfo[] {
    const { store, home, owner } = this.context;
    const path = start.checkpointPath ?? this.checkpointPath(start.checkpoint);
    const created = tasks.map((task) => {
      const id = newId();
      const out = join(home.solves, `${id}.json`);
      mkdirSync(dirname(out), { recursive: true });
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
        created: new Date().toISOString(),
      });
      this.changed(id);
      return id;
    });
    this.queue.pump();
    return created.map((id) => solveInfo(this.context, this.record(id)));
  }

  /** The same task anew. */
  again(id: string, start: SolveStart): SolveInfo {
    return this.create([this.record(id).task_json], start)[0];
  }

  /** Ends it; with what it has by then if it runs. */
  async cancel(id: string): Promise<SolveInfo> {
    const { status } = this.record(id);
    this.refuseForeign(id, 'cancelled');
    if (status !== 'queued' && status !== 'running') {
      throw new StudioError('conflict', `The solve is ${status}: there is nothing to cancel.`);
    }
    if (!(await this.queue.stop(id))) {
      this.update(id, { status: 'stopped', owner: null });
      this.queue.notify();
    }
    return solveInfo(this.context, this.record(id));
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

  /** Begins one anew that was cut off or failed, with the options that it has. */
  resume(id: string): SolveInfo {
    const { status, kept_bytes, checkpoint_path } = this.record(id);
    this.refuseForeign(id, 'run again');
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
    this.requeue(id);
    this.queue.pump();
    return solveInfo(this.context, this.record(id));
  }

  /** Ends it first if it runs: what it writes at its end must not outlive it. */
  async delete(id: string): Promise<void> {
    const solve = this.record(id);
    this.refuseForeign(id, 'deleted');
    await this.queue.stop(id);
    this.removeTraces(id);
    this.context.store.solves.delete(id);
    removeFile(this.context, absolutePath(this.context.home, solve.path));
    removeFile(this.context, keptFolder(this.context.home, solve));
    this.context.events.emit('solve.deleted', { solve: id });
  }

  /**
   * What a dead process left behind is stopped, and told; the answers of its last check stay. What only waited, or was
   * cut off by a regular quit, begins anew if `resume`.
   */
  recover(resume: boolean): void {
    const { solves } = this.context.store;
    stopLeftBehind(solves, { closed: CLOSED, lost: LOST });
    if (!resume) return;
    for (const { id, status, resume_at_start } of solves.list()) {
      if (resume_at_start && status === 'stopped') this.requeue(id);
    }
  }

  /** Resolves when this solve is over. */
  async ended(id: string): Promise<SolveDetail> {
    await this.queue.until(() => !['queued', 'running'].includes(this.record(id).status));
    return this.get(id);
  }

  /** Before the queue is closed. */
  close(): void {
    for (const { id } of this.mine()) {
      // The one that runs says for itself how it ends; should it never come to that, it is known that it may go on.
      if (this.queue.running === id) this.context.store.solves.update(id, { resume_at_start: true });
      else this.update(id, { status: 'stopped', error: CLOSED, owner: null, resume_at_start: true });
    }
  }

  private mine(): SolveRecord[] {
    const { store, owner } = this.context;
    return store.solves.active().filter((solve) => solve.owner === owner);
  }

  /** It waits again, and begins at its beginning. */
  private requeue(id: string): void {
    const { owner } = this.context;
    const anew = { step: 0, seconds: 0, checks: [], candidates: [], correct: null };
    this.update(id, { status: 'queued', error: null, owner, resume_at_start: false, ...anew });
  }

  private hear(id: string, message: FromCompute): void {
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

  private finish(id: string, status: 'done' | 'stopped', result: SolveFile | null): void {
    const { task_json, candidates } = this.record(id);
    const known = task_json.test.flatMap(({ output }, i) => {
      const attempts = (candidates[i] ?? []).slice(0, 2);
      return output ? [attempts.some(({ grid }) => sameGrid(grid, output))] : [];
    });
    const correct = known.length ? known.every(Boolean) : null;
    const { kept = null, bytes = null, sha256 = null } = result ?? {};
    const error = kept && 'fault' in kept ? `Its playback cannot be made. ${kept.fault}` : null;
    const kept_bytes = kept && 'bytes' in kept ? kept.bytes : null;
    this.update(id, { status, error, correct, bytes, sha256, kept_bytes, owner: null, resume_at_start: false });
  }

  private checkpointPath(id: number | null): string | null {
    if (id === null) return null;
    const { store, home } = this.context;
    const checkpoint = store.checkpoints.get(id);
    if (checkpoint) return absolutePath(home, checkpoint.path);
    throw new StudioError('not_found', `There is no checkpoint ${id}: it may have been removed for a newer one.`);
  }

  private refuseForeign(id: string, verb: string): void {
    const { owner, status } = this.record(id);
    if (status !== 'queued' && status !== 'running') return;
    if (owner === null || owner === this.context.owner || !isAlive(owner)) return;
    throw new StudioError('conflict', `Another TRM Studio runs this solve: it can only be ${verb} there.`);
  }

  private record(id: string): SolveRecord {
    const record = this.context.store.solves.get(id);
    if (!record) throw new StudioError('not_found', `There is no solve ${id}: it may have been deleted.`);
    return record;
  }

  private update(id: string, patch: Patch): void {
    this.context.store.solves.update(id, patch);
    this.changed(id);
  }

  private changed(id: string): void {
    const record = this.context.store.solves.get(id);
    if (record) this.context.events.emit('solve.changed', solveInfo(this.context, record));
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
