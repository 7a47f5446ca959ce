/** Traces: made by the compute process from a checkpoint and an example, kept as files, read for playback. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Parsed } from '../shared/contract';
import type { TraceInfo } from '../shared/contract/traces';
import { StudioError } from '../shared/errors';
import type { AttentionMap } from '../shared/trace';
import type { Context } from './context';
import { absolutePath, storedPath } from './home';
import { newId } from './ids';
import { isAlive } from './owner';
import { traceInfo } from './repositories/traces';
import { removeFile } from './runs/checkpoints';

export class Traces {
  private readonly jobs = new Map<number, string>();
  private readonly progress = new Map<number, { done: number; total: number }>();

  constructor(private readonly context: Context) {}

  list(run?: string): TraceInfo[] {
    return this.context.store.traces.list(run).map((record) => this.info(record));
  }

  /** Starts a trace; one that was made of the same question is given back instead. */
  create(input: Parsed<'traces.create'>): TraceInfo {
    const { store, home, owner } = this.context;
    const { checkpoint, run, dataset } = this.source(input.checkpoint);
    const { split, index } = input.example;
    const examples = split === 'train' ? dataset.facts?.train_examples : dataset.facts?.test_examples;
    if (examples !== undefined && index >= examples) {
      throw new StudioError(
        'bad_input',
        `Example ${index} is not in the ${split} split of ${dataset.name}, which has ${examples}.`,
      );
    }
    const question = {
      checkpoint: checkpoint.id,
      split,
      example: index,
      weights: input.weights,
      act_steps: input.act_steps,
      inner_updates: Number(input.inner),
      views: input.views,
    };
    const same = store.traces.same(question);
    if (same) return this.info(same);

    const path = join(home.traces, `${run.id}-${checkpoint.step}-${newId()}.safetensors`);
    const id = store.traces.insert({
      ...question,
      run: run.id,
      checkpoint_step: checkpoint.step,
      puzzle: `${split} ${index}`,
      // Made between the steps of whatever trains: it does not wait.
      status: 'running',
      error: null,
      solved: null,
      path: storedPath(home, path),
      bytes: null,
      sha256: null,
      owner,
      created: new Date().toISOString(),
    });
    const job = newId();
    this.jobs.set(id, job);
    this.context.supervisor.tensor.run(
      {
        type: 'trace',
        job,
        run: run.id,
        run_name: run.name,
        checkpoint: absolutePath(home, checkpoint.path),
        data_path: absolutePath(home, dataset.path),
        example: input.example,
        weights: input.weights,
        act_steps: input.act_steps,
        inner: input.inner,
        views: input.views,
        out: path,
      },
      {
        onMessage: (message) => {
          if (message.type === 'progress') {
            this.progress.set(id, { done: message.done, total: message.total });
            this.tell(id);
          } else if (message.type === 'failed') this.end(id, { status: 'failed', error: message.error.message });
          else if (message.type === 'done') {
            const { result } = message;
            if (result?.kind === 'trace') {
              const { puzzle, bytes, sha256, solved } = result;
              this.end(id, { status: 'done', puzzle, bytes, sha256, solved: solved === null ? null : Number(solved) });
            } else this.end(id, { status: 'stopped', error: 'Stopped before it was finished.' });
          }
        },
        onLost: (sentence) => this.end(id, { status: 'failed', error: sentence }),
      },
    );
    this.update(id, {});
    return this.get(id);
  }

  async read(id: number): Promise<Uint8Array> {
    const record = this.record(id);
    if (record.status !== 'done') {
      throw new StudioError(
        'conflict',
        `The trace of ${record.puzzle} is ${record.status}${record.error ? `: ${record.error}` : ', so there is nothing to play yet.'}`,
      );
    }
    const path = absolutePath(this.context.home, record.path);
    const bytes = await readFile(path);
    if (bytes.byteLength !== record.bytes) {
      throw new StudioError(
        'damaged',
        `The trace ${path} has ${bytes.byteLength} bytes instead of ${record.bytes}: delete it and make it again.`,
      );
    }
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Where a cell looks; the compute process runs the example again up to that step. */
  async attention(input: Parsed<'traces.attention'>): Promise<AttentionMap> {
    const record = this.record(input.trace);
    if (record.checkpoint === null) {
      throw new StudioError(
        'not_found',
        `The checkpoint of step ${record.checkpoint_step} has been removed, so it cannot be asked where it looks: play back a checkpoint that is still there.`,
      );
    }
    const { checkpoint, dataset } = this.source(record.checkpoint);
    const { home, supervisor } = this.context;
    const { split, example: index, weights } = record;
    const job = newId();
    return new Promise((resolve, reject) => {
      supervisor.tensor.run(
        {
          type: 'attention',
          job,
          checkpoint: absolutePath(home, checkpoint.path),
          data_path: absolutePath(home, dataset.path),
          example: input.example ?? { split, index },
          weights,
          step: input.step,
          cell: input.cell,
        },
        {
          onMessage: (message) => {
            if (message.type === 'failed') {
              const { code, message: sentence, data } = message.error;
              reject(new StudioError(code, sentence, data));
            } else if (message.type === 'done' && message.result?.kind === 'attention') resolve(message.result.map);
          },
          onLost: (sentence) => reject(new StudioError('unavailable', sentence)),
        },
      );
    });
  }

  delete(id: number): void {
    const record = this.record(id);
    const job = this.jobs.get(id);
    if (job) {
      this.context.supervisor.tensor.send({ type: 'stop', job });
      this.context.supervisor.tensor.drop(job);
      this.jobs.delete(id);
    }
    this.context.store.traces.delete(id);
    removeFile(this.context, absolutePath(this.context.home, record.path));
  }

  /** Removes the files of a run's traces; the rows go with the run. */
  removeFilesOf(run: string): void {
    for (const t of this.context.store.traces.list(run))
      removeFile(this.context, absolutePath(this.context.home, t.path));
  }

  /** Traces whose process died are failed; they are quickly made again. */
  recover(): void {
    for (const t of this.context.store.traces.list()) {
      if ((t.status !== 'queued' && t.status !== 'running') || (t.owner !== null && isAlive(t.owner))) continue;
      this.context.store.traces.update(t.id, {
        status: 'failed',
        error: 'TRM Studio ended before it was finished: make it again.',
      });
    }
  }

  private end(id: number, patch: Parameters<Context['store']['traces']['update']>[1]): void {
    this.jobs.delete(id);
    this.progress.delete(id);
    this.update(id, { ...patch, owner: null });
  }

  /** @throws StudioError `not_found` where the checkpoint or the data it was trained on are gone */
  private source(id: number) {
    const { store } = this.context;
    const checkpoint = store.checkpoints.get(id);
    if (!checkpoint) {
      throw new StudioError('not_found', `There is no checkpoint ${id}: it may have been removed for a newer one.`);
    }
    const run = store.runs.get(checkpoint.run);
    const dataset = run?.dataset ? store.datasets.get(run.dataset) : null;
    if (!run || !dataset) {
      throw new StudioError(
        'not_found',
        run?.dataset_name === ''
          ? `${run.name} was imported without a dataset: import its checkpoint again with the data to play back.`
          : `The dataset of ${run?.name ?? 'this run'} has been deleted, so its examples cannot be shown.`,
      );
    }
    return { checkpoint, run, dataset };
  }

  private update(id: number, patch: Parameters<Context['store']['traces']['update']>[1]): void {
    const { store, log } = this.context;
    try {
      store.traces.update(id, patch);
      this.tell(id);
    } catch (error) {
      log.error(`trace ${id}`, error);
    }
  }

  private tell(id: number): void {
    const record = this.context.store.traces.get(id);
    if (record) this.context.events.emit('trace.changed', this.info(record));
  }

  private info(record: Parameters<typeof traceInfo>[0]): TraceInfo {
    return traceInfo(record, this.progress.get(record.id) ?? null);
  }

  private get(id: number): TraceInfo {
    return this.info(this.record(id));
  }

  private record(id: number) {
    const record = this.context.store.traces.get(id);
    if (!record) throw new StudioError('not_found', `There is no trace ${id}: it may have been deleted.`);
    return record;
  }
}
