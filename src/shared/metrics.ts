/** Names of metrics, as the reference logs them; one place for the charts, the store and the command line. */

/** Logged at every step. Accuracies and steps are means over the rows that halted in the step. */
export const TRAIN_METRICS = [
  'lm_loss', // per puzzle of the batch
  'q_halt_loss',
  'q_continue_loss', // only where the architecture teaches q_continue
  'loss',
  'accuracy',
  'exact_accuracy',
  'q_halt_accuracy',
  'steps', // mean ACT steps of the rows that halted
  'count', // rows that halted
  'lr',
  'puzzle_emb_lr',
  'steps_per_s',
  'samples_per_s',
] as const;
export type TrainMetric = (typeof TRAIN_METRICS)[number];
/** A step's metrics; some runs have no q_continue_loss. */
export type TrainValues = Omit<Record<TrainMetric, number>, 'q_continue_loss'> & { q_continue_loss?: number };

/** Logged at every evaluation, behind `eval/` in the store. */
export const EVAL_METRICS = [
  'lm_loss',
  'q_halt_loss',
  'accuracy',
  'exact_accuracy',
  'q_halt_accuracy',
  'steps',
  'count',
] as const;
export type EvalMetric = (typeof EVAL_METRICS)[number];

/** What the machine did, behind `machine/` in the store. */
export const MACHINE_METRICS = ['memory_bytes', 'tensors', 'native_handles'] as const;

/** A flush of metrics: column-wise; `values[name][i]` belongs to `steps[i]`; NaN where a metric has no value there. */
export interface MetricBatch {
  steps: number[];
  /** Seconds of training time since the run's first step. */
  seconds: number[];
  values: Record<string, number[]>;
}

/** One metric of one run, packed for a chart. */
export interface MetricSeries {
  name: string;
  steps: Float64Array;
  seconds: Float64Array;
  values: Float32Array;
}
