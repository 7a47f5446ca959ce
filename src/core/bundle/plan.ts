/**
 * How a run goes on in the reference. Its `pretrain.py` takes weights only and counts its steps from 0 again, so what is
 * left of the run has to be said as a run of its own: fewer epochs, a schedule that begins where this one stands.
 */
import type { TrainConfig } from '../../shared/config';
import { StudioError } from '../../shared/errors';
import { refuseOwnPositions } from '../checkpoint/export/reference';
import { learningRate } from '../train/schedule';

/** Where the run stands: of its checkpoint. */
export interface Standing {
  step: number;
  total_steps: number;
  /** Whole evaluation intervals behind it. */
  iteration: number;
  /** Of the interval under way: whole epochs, and groups of the next that are used up, out of how many. */
  epoch: number;
  position: number;
  groups: number;
}

export interface Machines {
  /** Processes per node. */
  gpus: number;
  nodes: number;
}

export interface BundlePlan {
  /** What the reference gets; paths are relative to the bundle. */
  config: TrainConfig;
  /** Evaluation intervals that remain, and those that count as done. */
  intervals: number;
  iteration: number;
  /** What differs from going on here, in sentences. */
  notes: string[];
}

export const DATASET = 'dataset';
export const RESULT = 'result';

/** While the optimizer's averages form again (β2 0.95 looks back some 20 steps), the rate rises again over so many steps. */
const REWARM = 100;

/**
 * @param epochs the run's whole length, to make it longer; null keeps the config's
 * @throws StudioError `conflict` if no epoch is left, `bad_input` for what the reference cannot do
 */
export function planContinuation(
  config: TrainConfig,
  at: Standing,
  machines: Machines,
  names: { run: string; data: number; test: number },
  epochs: number | null = null,
): BundlePlan {
  refuseUnable(config, machines);
  const every = config.eval_interval ?? config.epochs;
  const whole = epochs ?? config.epochs;
  if (whole % every !== 0) {
    throw new StudioError('bad_input', `${whole} epochs are no multiple of eval_interval, which is ${every}.`);
  }
  // A run that was stopped on an interval's last step has not turned to the next one yet.
  const done = at.iteration + (at.epoch + (at.groups ? at.position / at.groups : 0)) / every;
  const left = whole / every - done;
  if (left <= 1e-9) {
    throw new StudioError(
      'conflict',
      `The run has done all of its ${whole} epochs: say with --epochs how long it is to be in all, such as ${whole + every}.`,
    );
  }
  const intervals = Math.max(1, Math.round(left));
  const iteration = whole / every - intervals;
  const { rate, warmup, notes } = schedule(config, at, (at.total_steps * whole) / config.epochs);
  if (Math.abs(intervals - left) > 1e-9) {
    const days = (n: number) => Number(n.toFixed(2));
    notes.push(
      `The checkpoint lies inside an evaluation interval: ${days(left)} intervals remain, and the reference runs ${intervals} whole ones of ${every} epoch${every === 1 ? '' : 's'}.`,
    );
  }
  if (config.studio.max_steps > 0 || config.studio.max_minutes > 0) {
    notes.push(
      'The limits max_steps and max_minutes are the studio’s own: the reference runs to the end of its epochs.',
    );
  }
  if (config.arch.forward_dtype === 'float32') {
    notes.push(
      'forward_dtype stays float32; on a GPU bfloat16 is much faster: change it in all_config.yaml if you like.',
    );
  }
  const numbered = (name: string, n: number) => Array.from({ length: n }, (_, i) => (i ? `${name}-${i + 1}` : name));
  return {
    intervals,
    iteration,
    notes,
    config: {
      ...config,
      data_paths: numbered(DATASET, names.data),
      data_paths_test: numbered(`${DATASET}-test`, names.test),
      epochs: intervals * every,
      eval_interval: every,
      min_eval_interval: Math.max(0, (config.min_eval_interval ?? 0) - iteration),
      lr: config.lr * rate,
      puzzle_emb_lr: config.puzzle_emb_lr * rate,
      lr_min_ratio: rate > 0 ? Math.min(1, config.lr_min_ratio / rate) : config.lr_min_ratio,
      lr_warmup_steps: warmup,
      // The reference draws the groups of interval i from seed + i: this goes on with those not yet seen.
      seed: config.seed + iteration,
      load_checkpoint: `step_${at.step}`,
      checkpoint_path: RESULT,
      checkpoint_every_eval: true,
      run_name: names.run,
    },
  };
}

/** What the reference raises on, before anybody has queued for a cluster. */
function refuseUnable(config: TrainConfig, { gpus, nodes }: Machines): void {
  const { arch, global_batch_size } = config;
  if (global_batch_size % (gpus * nodes) !== 0) {
    throw new StudioError(
      'bad_input',
      `global_batch_size is ${global_batch_size}, which ${gpus * nodes} GPUs cannot share evenly: use a number that divides it.`,
    );
  }
  if (arch.name.includes('.trm') && !arch.no_ACT_continue) {
    throw new StudioError(
      'bad_input',
      'arch.no_ACT_continue is false, on which the reference’s TRM raises an error: this run can only go on here.',
    );
  }
  refuseOwnPositions(arch, 'this run can only go on here');
  if (arch.loss.loss_type !== 'stablemax_cross_entropy') {
    throw new StudioError(
      'bad_input',
      `arch.loss.loss_type is ${arch.loss.loss_type}, on which the reference raises an error: this run can only go on here.`,
    );
  }
}

/** The peak of the schedule that begins now as a share of the old one, and its warm-up. A longer run stretches the cosine. */
function schedule(config: TrainConfig, at: Standing, total: number) {
  const { lr_warmup_steps: warmup, lr_min_ratio: floor } = config;
  const notes: string[] = [];
  const rewarm = Math.min(warmup, REWARM);
  if (at.step < warmup) {
    notes.push(
      `The warm-up is at step ${at.step} of ${warmup}: the reference warms up from 0 again, over ${Math.max(warmup - at.step, rewarm)} steps.`,
    );
    return { rate: 1, warmup: Math.max(warmup - at.step, rewarm), notes };
  }
  if (rewarm) {
    notes.push(
      `The warm-up is over; the rate rises again over ${rewarm} steps, while the optimizer’s averages, which no step_N holds, form again.`,
    );
  }
  if (floor === 1) return { rate: 1, warmup: rewarm, notes };
  const rate = learningRate(at.step, 1, warmup, total, floor);
  notes.push(
    `The learning rate has come down to ${(rate * 100).toFixed(1)} % of its peak: the reference begins there (lr, puzzle_emb_lr) and ends at the same floor. In between its cosine is a new half-wave, not the rest of the old one.`,
  );
  return { rate, warmup: rewarm, notes };
}
