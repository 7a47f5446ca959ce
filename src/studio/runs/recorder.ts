/** Writes down what the compute process tells of a training run, and passes it on. */
import type { FromCompute } from '../../shared/compute';
import type { RunEvent } from '../../shared/contract/runs';
import type { MetricBatch } from '../../shared/metrics';
import type { Context } from '../context';
import { flopsPerStep } from '../estimate/flops';
import { absolutePath, storedPath } from '../home';
import type { RunRecord } from '../repositories/runs';
import { TensorBoardLog } from '../metrics/tensorboard-log';
import { pruneCheckpoints, removeFile } from './checkpoints';
import { checkpointInfos, runSummary } from './summary';

/** Over how many seconds of steps the shown speed is averaged. */
const SPEED_SECONDS = 10;

export class RunRecorder {
  /** Steps and their seconds, older ones counting less and less. */
  private readonly pace = { steps: 0, seconds: 0 };
  private tensorboard: TensorBoardLog | null = null;

  constructor(
    private readonly context: Context,
    private readonly run: string,
  ) {}

  started(started: Extract<FromCompute, { type: 'started' }>['started']): void {
    const { store } = this.context;
    const run = this.record();
    const dataset = run.dataset === null ? null : store.datasets.get(run.dataset);
    store.runs.update(this.run, {
      backend: started.backend,
      total_steps: started.total_steps,
      parameters: started.parameters,
      embedding_rows: started.embedding_rows,
      notes: started.notes,
      flops_per_step: dataset?.facts ? flopsPerStep(run.config, dataset.facts.seq_len, dataset.facts.vocab_size) : null,
    });
    // A run of an older version has no such key.
    const folder = run.config.studio.tensorboard_dir ?? null;
    if (folder !== null) {
      this.tensorboard = new TensorBoardLog(folder, run, started.step + 1, (sentence) =>
        this.event('warning', sentence),
      );
    }
    for (const note of started.notes) {
      if (!run.notes.includes(note)) this.event('info', note, started.step);
    }
    this.changed();
  }

  /** Points of training, and what the machine did at the last of them. */
  metrics(message: Extract<FromCompute, { type: 'metrics' }>): void {
    const { store, events, supervisor } = this.context;
    const { batch } = message;
    const last = batch.steps.length - 1;
    if (last < 0) return;
    const machine: MetricBatch = {
      steps: [batch.steps[last]],
      seconds: [batch.seconds[last]],
      values: {
        'machine/memory_bytes': [supervisor.memory() ?? message.memory_bytes],
        'machine/tensors': [message.tensors],
        ...(message.native_handles === undefined ? {} : { 'machine/native_handles': [message.native_handles] }),
      },
    };
    store.db.transaction(() => {
      store.metrics.append(this.run, batch);
      store.metrics.append(this.run, machine);
      store.runs.update(this.run, {
        step: batch.steps[last],
        seconds: batch.seconds[last],
        ...optional('steps_per_s', this.smoothed(batch.values.steps_per_s)),
        ...optional('last_lm_loss', finite(batch.values.lm_loss)),
      });
    })();
    events.emit('run.metrics', { run: this.run, batch });
    events.emit('run.metrics', { run: this.run, batch: machine });
    this.tensorboard?.append(batch);
    this.tensorboard?.append(machine);
    this.changed();
  }

  evaluation(message: Extract<FromCompute, { type: 'evaluation' }>): void {
    const { store, events } = this.context;
    const run = this.record();
    const batch: MetricBatch = {
      steps: [message.step],
      seconds: [message.seconds],
      values: Object.fromEntries(Object.entries(message.metrics).map(([name, value]) => [`eval/${name}`, [value]])),
    };
    const exact = message.metrics.exact_accuracy ?? null;
    // Without a test split there are predictions only.
    const measured = Object.keys(batch.values).length > 0;
    store.db.transaction(() => {
      if (measured) store.metrics.append(this.run, batch);
      if (message.predictions.length) store.predictions.put(this.run, message.step, message.predictions);
      if (exact !== null) {
        store.runs.update(this.run, {
          last_exact_accuracy: exact,
          best_exact_accuracy: Math.max(exact, run.best_exact_accuracy ?? 0),
        });
      }
    })();
    if (measured) {
      events.emit('run.metrics', { run: this.run, batch });
      this.tensorboard?.append(batch);
    }
    if (message.predictions.length) {
      events.emit('run.prediction', { run: this.run, step: message.step, predictions: message.predictions });
    }
    this.changed();
  }

  checkpoint(file: Extract<FromCompute, { type: 'checkpoint' }>['checkpoint']): void {
    const { store, events, home } = this.context;
    // The accuracy belongs to these weights only if the evaluation was at this very step.
    const exact_accuracy = store.metrics.valueAt(this.run, file.step, 'eval/exact_accuracy');
    const before = store.checkpoints.list(this.run).find(({ step }) => step === file.step);
    const record = store.checkpoints.record(this.run, { ...file, exact_accuracy }, storedPath(home, file.path));
    // The same step was saved before, under another name: its file goes when no row names it any more.
    if (before && before.path !== record.path) removeFile(this.context, absolutePath(home, before.path));
    pruneCheckpoints(this.context, this.record());
    const info = checkpointInfos(home, store.checkpoints.list(this.run)).find((c) => c.id === record.id);
    if (info) events.emit('run.checkpoint', info);
    this.changed();
  }

  event(level: RunEvent['level'], message: string, step: number | null = this.record().step): void {
    const { store, events } = this.context;
    events.emit('run.event', store.events.append(this.run, level, message, step));
  }

  changed(): void {
    this.context.events.emit('run.changed', runSummary(this.context.store, this.record()));
  }

  /**
   * Steps per second over the last seconds of steps. Steps count for the time they take, and the first ones, which load
   * and warm up, are outweighed as soon as others have taken as long.
   */
  private smoothed(speeds: number[] | undefined): number | undefined {
    const valid = (speeds ?? []).filter((s) => Number.isFinite(s) && s > 0);
    if (!valid.length) return undefined;
    const seconds = valid.reduce((sum, s) => sum + 1 / s, 0);
    const kept = Math.exp(-seconds / SPEED_SECONDS);
    this.pace.steps = this.pace.steps * kept + valid.length;
    this.pace.seconds = this.pace.seconds * kept + seconds;
    return this.pace.steps / this.pace.seconds;
  }

  private record(): RunRecord {
    const run = this.context.store.runs.get(this.run);
    if (!run) throw new Error(`run ${this.run} is not in the store`);
    return run;
  }
}

/** The last value of a column that is a number, or undefined. */
function finite(column: number[] | undefined): number | undefined {
  for (let i = (column?.length ?? 0) - 1; i >= 0; i--) if (Number.isFinite(column![i])) return column![i];
  return undefined;
}

const optional = <K extends string>(key: K, value: number | undefined): Partial<Record<K, number>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, number>);
