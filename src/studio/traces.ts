/** Traces: made by the compute process from a checkpoint and an example, kept as files, read for playback. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Parsed } from '../shared/contract';
import type { TraceInfo } from '../shared/contract/traces';
import { StudioError } from '../shared/errors';
import type { SolveNetwork } from '../shared/solve';
import type { AttentionMap } from '../shared/trace';
import { timestamp } from './clock';
import type { Context } from './context';
import { absolutePath, storedPath } from './home';
import { newId } from './ids';
import { isAlive } from './owner';
import { traceInfo } from './repositories/traces';
import { removeFile } from './runs/checkpoints';
import { deleteWithFiles } from './unfinished';
import { keptFiles } from './solves/kept';

/** When an end that could not be written down (a full disk) is tried again. */
const RETRY_MS = 2000;

type Patch = Parameters<Context['store']['traces']['update']>[1];
type Of = Parsed<'traces.create'>['of'];

/** What a trace is made of: a network and the examples that it is shown. */
interface Source {
  run: string | null;
  checkpoint: number | null;
  solve: string | null;
  network: SolveNetwork | null;
  step: number;
  /** As the trace file calls it; a run's id and name, empty and in words otherwise. */
  said: { run: string; run_name: string };
  /** Absolute. */
  model: string;
  data: string;
  dataset: string;
  /** Examples of a split, where that is known. */
  examples: (split: 'train' | 'test') => number | undefined;
}

export class Traces {
  private readonly jobs = new Map<number, string>();
  private readonly progress = new Map<number, { done: number; total: number }>();
  /** Ends that are not in the store yet. */
  private readonly unwritten = new Map<number, Patch>();
  private retry: NodeJS.Timeout | null = null;
  private closed = false;

  constructor(private readonly context: Context) {}

  list(of: Parsed<'traces.list'> = {}): TraceInfo[] {
    return this.context.store.traces.list(of).map((record) => this.info(record));
  }

  /** Starts a trace; one that was made of the same question is given back instead. */
  create(input: Parsed<'traces.create'>): TraceInfo {
    const { store, home, owner } = this.context;
    const source = this.source(input.of);
    const { split, index } = input.example;
    const examples = source.examples(split);
    if (examples !== undefined && index >= examples) {
      throw new StudioError(
        'bad_input',
        `Example ${index} is not in the ${split} split of ${source.dataset}, which has ${examples}.`,
      );
    }
    const question = {
      checkpoint: source.checkpoint,
      solve: source.solve,
      network: source.network,
      split,
      example: index,
      weights: input.weights,
      act_steps: input.act_steps,
      inner_updates: Number(input.inner),
      views: input.views,
    };
    const same = store.traces.same(question);
    const known = same && this.info(same);
    if (known && known.status !== 'failed' && known.status !== 'stopped') return known;

    const path = join(home.traces, `${source.run ?? source.solve}-${source.step}-${newId()}.safetensors`);
    const id = store.traces.insert({
      ...question,
      run: source.run,
      checkpoint_step: source.step,
      puzzle: `${split} ${index}`,
      // Made between the steps of whatever trains: it does not wait.
      status: 'running',
      error: null,
      solved: null,
      path: storedPath(home, path),
      bytes: null,
      sha256: null,
      owner,
      created: timestamp(),
    });
    const job = newId();
    this.jobs.set(id, job);
    this.context.supervisor.tensor.run(
      {
        type: 'trace',
        job,
        ...source.said,
        checkpoint: source.model,
        data_path: source.data,
        example: input.example,
        weights: input.weights,
        act_steps: input.act_steps,
        inner: input.inner,
        views: input.views,
        out: path,
      },
      {
        onMessage: (message) => {
          if (this.jobs.get(id) !== job) {
            // Deleted meanwhile: what it wrote after its last look for a stop goes too.
            if (message.type === 'done' || message.type === 'failed') this.removeLate(path);
          } else if (message.type === 'progress') {
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
        onLost: (sentence) => {
          if (this.jobs.get(id) === job) this.end(id, { status: 'failed', error: sentence });
          else this.removeLate(path);
        },
      },
    );
    this.tell(id);
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
    const { checkpoint: id, solve, network } = record;
    if (id === null && solve === null) {
      throw new StudioError(
        'not_found',
        `The checkpoint of step ${record.checkpoint_step} has been removed, so it cannot be asked where it looks: play back a checkpoint that is still there.`,
      );
    }
    const source = this.source(solve === null ? { checkpoint: id as number } : { solve, ...(network && { network }) });
    const { supervisor } = this.context;
    const { split, example: index, weights } = record;
    const job = newId();
    return new Promise((resolve, reject) => {
      supervisor.tensor.run(
        {
          type: 'attention',
          job,
          checkpoint: source.model,
          data_path: source.data,
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
    this.drop(id);
    const path = absolutePath(this.context.home, record.path);
    deleteWithFiles(this.context, [path], () => this.context.store.traces.delete(id));
    this.unwritten.delete(id);
  }

  /** What is not written by now is found by the next start. */
  close(): void {
    this.closed = true;
    if (this.retry) clearTimeout(this.retry);
    this.writeEnds();
  }

  /** Ends those of a run or a solve that is going to be deleted. @returns the files that go once the rows have gone with it */
  detachFrom(of: { run: string } | { solve: string }): string[] {
    const traces = this.context.store.traces.list(of);
    for (const { id } of traces) this.drop(id);
    return traces.map(({ path }) => absolutePath(this.context.home, path));
  }

  /** Traces whose process died are failed; they are quickly made again. */
  recover(): void {
    for (const t of this.context.store.traces.list()) {
      if ((t.status !== 'queued' && t.status !== 'running') || (t.owner !== null && isAlive(t.owner))) continue;
      this.context.store.traces.update(t.id, {
        status: 'failed',
        error: 'TRM Studio ended before it was finished: make it again.',
      });
      const path = absolutePath(this.context.home, t.path);
      this.removeLate(path);
    }
  }

  private removeLate(path: string): void {
    for (const left of [path, `${path}.partial`]) removeFile(this.context, left);
  }

  /** Stops its job, if it has one; whatever that still says is only about a file that must go. */
  private drop(id: number): void {
    const job = this.jobs.get(id);
    if (!job) return;
    this.context.supervisor.tensor.send({ type: 'stop', job });
    this.jobs.delete(id);
    this.progress.delete(id);
  }

  private end(id: number, patch: Patch): void {
    this.jobs.delete(id);
    this.progress.delete(id);
    this.unwritten.set(id, { ...patch, owner: null });
    this.writeEnds(id);
  }

  /** What cannot be written is tried again after a while; until then it is shown as it ended. */
  private writeEnds(fresh: number | null = null): void {
    const { store, log } = this.context;
    for (const [id, patch] of this.unwritten) {
      try {
        store.traces.update(id, patch);
        this.unwritten.delete(id);
      } catch (error) {
        if (id === fresh) log.error(`the end of trace ${id} cannot be written down`, error);
      }
    }
    if (fresh !== null) this.tell(fresh);
    if (!this.unwritten.size || this.closed) return;
    this.retry ??= setTimeout(() => {
      this.retry = null;
      this.writeEnds();
    }, RETRY_MS).unref();
  }

  /** @throws StudioError `not_found` where the model or the data it was trained on are gone */
  private source(of: Of): Source {
    return 'solve' in of ? this.sourceOfSolve(of.solve, of.network) : this.sourceOfCheckpoint(of.checkpoint);
  }

  private sourceOfSolve(id: string, wanted?: SolveNetwork): Source {
    const { store, home } = this.context;
    const solve = store.solves.get(id);
    if (!solve) throw new StudioError('not_found', `There is no solve ${id}: it may have been deleted.`);
    const { model, data, network } = keptFiles(home, solve, wanted);
    const { train, test } = solve.task_json;
    return {
      run: null,
      checkpoint: null,
      solve: id,
      network,
      step: solve.step,
      said: { run: '', run_name: `solve of ${solve.task}` },
      model,
      data,
      dataset: `the solve of ${solve.task}`,
      examples: (split) => solve.options.views * (split === 'train' ? train : test).length,
    };
  }

  private sourceOfCheckpoint(id: number): Source {
    const { store, home } = this.context;
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
    return {
      run: run.id,
      checkpoint: id,
      solve: null,
      network: null,
      step: checkpoint.step,
      said: { run: run.id, run_name: run.name },
      model: absolutePath(home, checkpoint.path),
      data: absolutePath(home, dataset.path),
      dataset: dataset.name,
      examples: (split) => (split === 'train' ? dataset.facts?.train_examples : dataset.facts?.test_examples),
    };
  }

  private tell(id: number): void {
    const { store, log, events } = this.context;
    try {
      const record = store.traces.get(id);
      if (record) events.emit('trace.changed', this.info(record));
    } catch (error) {
      log.error(`trace ${id}`, error);
    }
  }

  private info(record: Parameters<typeof traceInfo>[0]): TraceInfo {
    return traceInfo({ ...record, ...this.unwritten.get(record.id) }, this.progress.get(record.id) ?? null);
  }

  private get(id: number): TraceInfo {
    return this.info(this.record(id));
  }

  private record(id: number) {
    const record = this.context.store.traces.get(id);
    if (!record) throw new StudioError('not_found', `There is no trace ${id}: it may have been deleted.`);
    return { ...record, ...this.unwritten.get(id) };
  }
}
