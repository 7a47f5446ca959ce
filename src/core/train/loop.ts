/**
 * The training loop. An iteration is `eval_interval` epochs, as in the reference; after each comes an evaluation and a
 * checkpoint. Between two steps the event loop gets its turn, so that messages are heard and traces are made meanwhile.
 */
import type { PinnedPrediction, CheckpointFile } from '../../shared/compute';
import type { TrainConfig } from '../../shared/config';
import type { ExampleRef } from '../../shared/dataset';
import type { EvalMetric, MetricBatch } from '../../shared/metrics';
import { StudioError } from '../../shared/errors';
import { HANDLE_LIMIT } from '../backend/native';
import { evaluateBatches, predictPinned, type EvaluationSource } from '../act/evaluate';
import type { Batch } from '../data/batch';
import { spreadExamples, type OpenData } from '../data/merged';
import type { TrainSampler } from '../data/sampler';
import { CompileClock, compilesWithXla } from './compile-clock';
import type { LoopControl } from './control';
import { MetricBuffer } from './metric-buffer';
import type { StepReport, Trainer } from './trainer';

/** How often gathered metrics are told. */
const FLUSH_MS = 250;

export interface LastEvaluation {
  step: number;
  /** null if no example had labels. */
  exact_accuracy: number | null;
}

/** A run that is set up and may go on from anywhere. */
export interface TrainingRun {
  config: TrainConfig;
  data: OpenData;
  trainer: Trainer;
  sampler: TrainSampler;
  /** Training time before this session, in seconds; pauses do not count. */
  seconds: number;
  /** The last evaluation that was finished. */
  evaluated: LastEvaluation | null;
  /** An evaluation was begun and not finished: it comes first when the run goes on. */
  evaluationDue: boolean;
}

export type CheckpointReason = CheckpointFile['reason'];

/** Whom the loop tells, and who writes. */
export interface LoopHost {
  metrics(batch: MetricBatch): void;
  /** @param metrics empty where there is no test split, and only pinned examples were predicted */
  evaluation(
    step: number,
    seconds: number,
    metrics: Record<EvalMetric, number> | Record<string, never>,
    predictions: PinnedPrediction[],
  ): void;
  status(status: 'running' | 'paused', step: number): void;
  note(message: string): void;
  /** Writes `run` as it stands. */
  checkpoint(run: TrainingRun, reason: CheckpointReason): Promise<void>;
  /** The puzzle's name of a pinned example. */
  puzzleName(example: ExampleRef): string;
}

export async function trainLoop(run: TrainingRun, control: LoopControl, host: LoopHost): Promise<'done' | 'stopped'> {
  const { config, trainer, sampler } = run;
  const { studio } = config;
  const iterations = config.eval_interval ? config.epochs / config.eval_interval : 1;
  const buffer = new MetricBuffer();
  const started = { at: performance.now(), seconds: run.seconds };
  const tick = () => (run.seconds = started.seconds + (performance.now() - started.at) / 1000);
  let flushed = performance.now();
  let saved = { step: trainer.step, at: performance.now() };

  const flush = () => {
    flushed = performance.now();
    const batch = buffer.take();
    if (batch) host.metrics(batch);
  };
  const write = async (reason: CheckpointReason) => {
    flush();
    await host.checkpoint(run, reason);
    saved = { step: trainer.step, at: performance.now() };
  };
  const save = (reason: CheckpointReason) => {
    tick();
    return write(reason);
  };
  const evaluate = async () => {
    flush();
    run.evaluationDue = true;
    if (await evaluateRun(run, control, host, tick)) run.evaluationDue = false;
  };
  const finished = () =>
    trainer.step >= trainer.totalSteps ||
    sampler.state().iteration >= iterations ||
    (studio.max_steps > 0 && trainer.step >= studio.max_steps) ||
    (studio.max_minutes > 0 && tick() >= studio.max_minutes * 60);

  const xla = compilesWithXla() ? new CompileClock() : null;
  host.status('running', trainer.step);
  if (run.evaluationDue) await evaluate();
  while (!finished()) {
    const position = sampler.state();
    const batch = sampler.next();

    if (batch === null) {
      // The end of an iteration. The sampler stands at the start of the next one; the reference counts them from 0.
      if (sampler.state().iteration - 1 >= (config.min_eval_interval ?? 0)) await evaluate();
      if (!finished()) await save('evaluation');
    } else {
      const before = performance.now();
      const { step, metrics, lr, puzzle_emb_lr } = await stepOrSave(trainer, batch, async () => {
        // The batch was not learned from: it comes first when the run goes on.
        sampler.restore(position);
        if (saved.step !== trainer.step) await save('stop');
      });
      const stepSeconds = Math.max(1, performance.now() - before) / 1000;
      refuseNotFinite(metrics.loss, step);
      const compiled = xla?.add(stepSeconds);
      if (compiled) host.note(compiled);
      if (step % studio.log_every_steps === 0) {
        const speed = { steps_per_s: 1 / stepSeconds, samples_per_s: config.global_batch_size / stepSeconds };
        buffer.add(step, tick(), { ...metrics, lr, puzzle_emb_lr, ...speed });
      }
      if (performance.now() - flushed >= FLUSH_MS) flush();
      const everySteps = studio.checkpoint_every_steps > 0 && step % studio.checkpoint_every_steps === 0;
      const everyMinutes =
        studio.checkpoint_every_minutes > 0 && performance.now() - saved.at >= studio.checkpoint_every_minutes * 60_000;
      if ((everySteps || everyMinutes) && !finished()) await save('interval');
      if (trainer.handleUse() > 1) await refuseHandles(() => save('interval'));
    }

    await new Promise((resolve) => setImmediate(resolve));

    if (control.saveAsked) {
      control.saveAsked = false;
      await save('asked');
    }
    if (control.pauseAsked && !control.stopAsked) {
      await save('pause');
      await waitPaused(control, () => write('asked'), host, trainer.step);
      started.at = performance.now();
      started.seconds = run.seconds;
    }
    if (control.stopAsked) {
      if (saved.step !== trainer.step) await save('stop');
      flush();
      return 'stopped';
    }
  }

  if (run.evaluated?.step !== trainer.step) await evaluate();
  await save(control.stopAsked ? 'stop' : 'end');
  return control.stopAsked ? 'stopped' : 'done';
}

async function waitPaused(
  control: LoopControl,
  save: () => Promise<void>,
  host: LoopHost,
  step: number,
): Promise<void> {
  host.status('paused', step);
  while (control.pauseAsked && !control.stopAsked) {
    await control.word();
    if (control.saveAsked) {
      control.saveAsked = false;
      await save();
    }
  }
  if (!control.stopAsked) host.status('running', step);
}

/** Evaluates the capped test split and the pinned examples with the average where there is one. False if stopped. */
async function evaluateRun(
  run: TrainingRun,
  control: LoopControl,
  host: LoopHost,
  tick: () => number,
): Promise<boolean> {
  const { config, data, trainer } = run;
  const source: EvaluationSource = { model: trainer.evaluated(config.ema ? 'ema' : 'raw'), puzzles: trainer.puzzles };
  const pinned = [...control.pinned];
  const predictions = pinned.flatMap((example) => {
    const split = example.split === 'test' ? data.test : data.train;
    if (!split || example.index >= split.examples) return [];
    return predictPinned(source, split.batch([example.index]), [example], [host.puzzleName(example)]);
  });
  if (!data.test) {
    const what = predictions.length ? 'only the pinned training puzzles are predicted' : 'nothing is evaluated';
    host.note(`The dataset has no test split: ${what}.`);
    run.evaluated = { step: trainer.step, exact_accuracy: null };
    if (predictions.length) host.evaluation(trainer.step, tick(), {}, predictions);
    return true;
  }
  const { test } = data;
  const examples = spreadExamples(test.examples, config.studio.eval_examples);
  const size = Math.min(config.global_batch_size, examples.length);
  const metrics = await evaluateBatches(source, test.batches(size, examples), () => control.stopAsked);
  if (!metrics) return false;
  run.evaluated = { step: trainer.step, exact_accuracy: metrics.count ? metrics.exact_accuracy : null };
  host.evaluation(trainer.step, tick(), metrics, predictions);
  return true;
}

function refuseNotFinite(loss: number, step: number): void {
  if (Number.isFinite(loss)) return;
  throw new StudioError(
    'bad_input',
    `The loss is ${loss} at step ${step}: the learning rate is too high for this model. Lower lr and start again, or resume from an earlier checkpoint.`,
  );
}

/** A step that ran out of memory has changed nothing: what was learned before it is saved. */
async function stepOrSave(trainer: Trainer, batch: Batch, save: () => Promise<void>): Promise<StepReport> {
  try {
    return trainer.run(batch);
  } catch (error) {
    if (!(error instanceof StudioError) || error.data?.out_of_memory !== true) throw error;
    try {
      await save();
    } catch (failed) {
      // Where memory is short, writing may fail too: both are said.
      const why = failed instanceof Error ? failed.message : String(failed);
      throw new StudioError(error.code, `${error.message} No checkpoint could be written: ${why}`, error.data, {
        cause: error,
      });
    }
    throw error;
  }
}

async function refuseHandles(save: () => Promise<void>): Promise<never> {
  await save();
  throw new StudioError(
    'unavailable',
    `This compute process has used ${HANDLE_LIMIT} tensor handles, the most that TensorFlow can number. The run is saved: resume it to go on in a new process.`,
    { recycle: true },
  );
}
