/** One parity case: the reference's own training, step by step, and its evaluation, each number against ours. */
import { column } from '../act/step-metrics';
import { StudioError } from '../../shared/errors';
import { emptyCarry } from '../act/carry';
import { canRecord, type Execution } from '../train/executor';
import { PuzzleEmbedding } from '../train/sign-sgd';
import { Trainer, type TrainerSnapshot } from '../train/trainer';
import { batchOf, EMBEDDING, parameterName, type ParityCase } from './case';
import { Findings, largest, largestDifference, type Kind, type PhasedKind } from './measure';
import { probeEvaluation, probeStep } from './probe';
import { referenceState } from './reference-state';
import { FIRST, later, LEARNING_RATE, lossTolerance, WEIGHTS_FAR, WEIGHTS_NEAR, WEIGHTS_SHARE } from './tolerances';

export interface ParityResult {
  findings: Findings;
  /**
   * Only where the case fails without: the steps after the first began from the reference's own state. `noise` names the
   * weights that had gone the other way, `findings` are those of the run on our own.
   */
  restarted: { noise: string[]; findings: Findings } | null;
  /** Training steps and ACT steps of evaluation that were compared. */
  steps: number;
  acts: number;
  notes: string[];
}

/** A case and how its steps are to run: as a recorded graph unless `eager`. */
type Road = ParityCase & { execution?: Execution };

/**
 * @param folder named in errors
 * @param execution how steps and evaluation run; by default as a recorded graph where the backend can
 */
export async function runCase(whole: ParityCase, folder: string, execution?: Execution): Promise<ParityResult> {
  const parity: Road = { ...whole, execution };
  const free = await train(parity, folder, false);
  const result = ({ findings, acts, notes }: Taken) => ({ findings, steps: parity.batches.length, acts, notes });
  if (!free.findings.failed().length) return { ...result(free), restarted: null };
  const aided = await train(parity, folder, true);
  if (!aided.noise || aided.findings.failed().length) return { ...result(free), restarted: null };
  return { ...result(aided), restarted: { noise: aided.noise, findings: free.findings } };
}

interface Taken {
  findings: Findings;
  /** Null unless the reference's state was taken after step 1. */
  noise: string[] | null;
  acts: number;
  notes: string[];
}

async function train(parity: Road, folder: string, restart: boolean): Promise<Taken> {
  const { config, batches } = parity;
  const findings = new Findings();
  const notes = [...parity.notes];
  let noise: string[] | null = null;
  let trainer = trainerFor(parity, firstSnapshot(parity));
  try {
    let before = await copied(trainer);
    const highest = { lr: 0, puzzle: 0 };
    for (const [i, batch] of batches.entries()) {
      const k = i + 1;
      compareProbe(parity, k, before, findings);
      const report = trainer.run(batch);
      highest.lr = Math.max(highest.lr, report.lr);
      highest.puzzle = Math.max(highest.puzzle, report.puzzle_emb_lr);
      compareMetrics(parity, k, { ...report.sums, lr: report.lr, puzzle_emb_lr: report.puzzle_emb_lr }, findings);
      before = await copied(trainer);
      compareCarry(parity, k, before, findings);
      compareWeights(parity, `step${k}.after.`, before, 'weights', highest, findings);
      const state = k === 1 && restart ? referenceState(parity, batch, before) : null;
      if (state) {
        noise = state.noise;
        before = state.snapshot;
        trainer.dispose();
        trainer = trainerFor(parity, before);
      }
    }
    if (batches.length) compareWeights(parity, 'ema.', before, 'ema', highest, findings);
    const acts = evaluate(parity, folder, trainer, before, findings, notes);
    if (config.freeze_weights) notes.push('frozen weights’ gradients at step 1 only: the reference adds them up');
    if (parity.metrics && parity.metrics.length < batches.length) notes.push('metrics for some steps only');
    return { findings, noise, acts, notes };
  } finally {
    trainer.dispose();
  }
}

function trainerFor({ config, spec, totalSteps, execution }: Road, from: TrainerSnapshot): Trainer {
  const words: string[] = [];
  const trainer = new Trainer(config, spec, totalSteps, from, { execution, warn: (sentence) => words.push(sentence) });
  if (execution === undefined || trainer.execution === execution || !canRecord()) return trainer;
  trainer.dispose();
  // Falling back would compare another road than the one that was asked for.
  throw new StudioError('unavailable', words[0] ?? `Steps do not run ${execution} here.`);
}

function firstSnapshot({ config, spec, weights, embedding }: ParityCase): TrainerSnapshot {
  const zeros = new Map([...weights].map(([name, values]) => [name, new Float32Array(values.length)]));
  return {
    step: 0,
    weights,
    m: zeros,
    v: zeros,
    ema: weights,
    latents: new Map(),
    puzzleEmbedding: embedding?.slice() ?? new Float32Array(0),
    carry: emptyCarry(config.global_batch_size, spec.seq_len),
    exploration: [1, 2, 3, 4],
  };
}

/** The embedding's table goes on changing under a snapshot. */
async function copied(trainer: Trainer): Promise<TrainerSnapshot> {
  const snapshot = await trainer.snapshot();
  return { ...snapshot, puzzleEmbedding: snapshot.puzzleEmbedding.slice() };
}

/** At the first step and later: the kind, and its tolerance. */
const phase = <K extends PhasedKind>(kind: K, k: number, { spec }: ParityCase): [Kind, number] =>
  k === 1 ? [kind, FIRST] : [`${kind}_later`, later(spec.arch)];

function compareProbe(parity: ParityCase, k: number, from: TrainerSnapshot, findings: Findings): void {
  const { train, batches, config } = parity;
  const probed = probeStep(parity, from, batches[k - 1]);
  const out: [PhasedKind, 'logits' | 'q_halt_logits' | 'q_continue_logits'][] = [
    ['logits', 'logits'],
    ['q', 'q_halt_logits'],
    ['q', 'q_continue_logits'],
  ];
  for (const [kind, name] of out) {
    const key = `step${k}.out.${name}`;
    const reference = train.get(key);
    if (!reference) continue;
    const [phased, tolerance] = phase(kind, k, parity);
    findings.add(phased, largestDifference(probed[name], reference.data), tolerance, key);
  }
  const prefix = `step${k}.grad.`;
  for (const [key, { data }] of train) {
    if (!key.startsWith(prefix)) continue;
    const name = parameterName(key.slice(prefix.length));
    if (config.freeze_weights && k > 1 && !name.startsWith('puzzle_emb')) continue;
    const ours = probed.gradients.get(name);
    // Where a tensor's gradient is 0 throughout, ours must be too.
    const scale = largest(data) || 1;
    const [phased, tolerance] = phase('gradients', k, parity);
    findings.add(phased, ours ? largestDifference(ours, data) / scale : NaN, tolerance, key);
  }
}

const relative = (ours: number | undefined, reference: number): number =>
  ours === undefined ? NaN : Math.abs(ours - reference) / Math.max(Math.abs(reference), 1e-6);

function compareMetrics(parity: ParityCase, k: number, ours: Record<string, number>, findings: Findings): void {
  const record = parity.metrics?.find((m) => m.step === k);
  if (!record) return;
  for (const [key, reference] of Object.entries(record)) {
    if (key === 'step') continue;
    const at = `step${k} ${key}`;
    if (key === 'lr' || key === 'puzzle_emb_lr') findings.add('lr', relative(ours[key], reference), LEARNING_RATE, at);
    else {
      const tolerance = lossTolerance(parity.spec.arch, key, k);
      findings.add(key.endsWith('loss') ? 'losses' : 'metrics', relative(ours[key], reference), tolerance, at);
    }
  }
}

function compareCarry(parity: ParityCase, k: number, snapshot: TrainerSnapshot, findings: Findings): void {
  const prefix = `step${k}.carry.`;
  for (const [key, { data }] of parity.train) {
    if (!key.startsWith(prefix)) continue;
    const name = key.slice(prefix.length);
    if (name === 'steps' || name === 'halted') {
      findings.add('halting', largestDifference(snapshot.carry[name], data), 0, key);
      continue;
    }
    const ours = snapshot.latents.get(name);
    const [phased, tolerance] = phase('carry', k, parity);
    findings.add(phased, ours ? largestDifference(ours, data) : NaN, tolerance, key);
  }
}

/** All but 0.1 % of the elements near, none further than two learning rates. */
function compareWeights(
  parity: ParityCase,
  prefix: string,
  snapshot: TrainerSnapshot,
  kind: 'weights' | 'ema',
  highest: { lr: number; puzzle: number },
  findings: Findings,
): void {
  let count = 0;
  let off = 0;
  for (const [key, { data }] of parity.train) {
    if (!key.startsWith(prefix)) continue;
    const name = parameterName(key.slice(prefix.length));
    const group = kind === 'ema' ? snapshot.ema : snapshot.weights;
    const ours = name === EMBEDDING ? snapshot.puzzleEmbedding : group.get(name);
    const rate = name === EMBEDDING ? highest.puzzle : highest.lr;
    const error = ours ? largestDifference(ours, data) : NaN;
    // Half a unit in the last place of weights around 1.
    findings.add(kind, error, WEIGHTS_FAR * rate + 6e-8, key);
    if (!ours || ours.length !== data.length) continue;
    count += data.length;
    for (let i = 0; i < data.length; i++) if (!(Math.abs(ours[i] - Number(data[i])) <= WEIGHTS_NEAR)) off++;
  }
  if (count) findings.add(`${kind}_off`, off / count, WEIGHTS_SHARE, prefix.replace(/\.$/, ''));
}

/**
 * The trained weights on the evaluation's batch: the reference's own where the trace has them all after the last step, so
 * that what is compared is the evaluation and not the training once more; else ours.
 */
function evaluate(
  parity: Road,
  folder: string,
  trainer: Trainer,
  trained: TrainerSnapshot,
  findings: Findings,
  notes: string[],
): number {
  const { evaluation, spec, batches } = parity;
  if (!evaluation) return 0;
  let acts = 0;
  while (evaluation.has(`act${acts + 1}.logits`)) acts++;
  if (!acts || !evaluation.has('batch.inputs')) {
    notes.push('eval.safetensors without batch and act1.logits');
    return 0;
  }
  if (!batches.length) {
    notes.push('evaluation skipped: without train.safetensors there are no trained weights');
    return 0;
  }
  const batch = batchOf(evaluation, '', spec, folder);
  const reference = referenceWeights(parity, trained);
  if (!reference) notes.push('evaluation with our own trained weights: the trace has not all of them');
  const owner = reference ? trainerFor(parity, reference) : trainer;
  try {
    const { puzzleEmbedding } = reference ?? trained;
    const { puzzle_emb_ndim: width } = spec.arch;
    const puzzles = width ? new PuzzleEmbedding(spec.num_puzzle_identifiers, width, puzzleEmbedding) : null;
    const steps = probeEvaluation(owner.evaluated('raw'), puzzles, batch, acts, parity);
    const tolerance = later(spec.arch);
    steps.forEach((step, i) => {
      const at = (name: string) => `act${i + 1}.${name}`;
      const compare = (name: string, ours: Float32Array) => {
        const data = evaluation.get(at(name))?.data;
        if (data) findings.add('evaluation', largestDifference(ours, data), tolerance, at(name));
      };
      compare('logits', step.logits);
      compare('q_halt_logits', step.q_halt);
      const loss = evaluation.get(at('loss'))?.data;
      const sum = (name: 'lm_loss' | 'q_halt_loss') => column(step.rows, name).reduce((a, b) => a + b, 0);
      const ours = sum('lm_loss') + 0.5 * sum('q_halt_loss');
      if (loss) findings.add('eval_loss', relative(ours, Number(loss[0])), tolerance, at('loss'));
    });
  } finally {
    if (owner !== trainer) owner.dispose();
  }
  return acts;
}

/** The reference's weights after the last step, or null unless the trace has every one. */
function referenceWeights({ train, batches }: ParityCase, ours: TrainerSnapshot): TrainerSnapshot | null {
  const prefix = `step${batches.length}.after.`;
  const given = new Map(
    [...train]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { data }]) => [parameterName(key.slice(prefix.length)), data as Float32Array]),
  );
  const fits = (name: string, size: number) => given.get(name)?.length === size;
  const whole = [...ours.weights].every(([name, values]) => fits(name, values.length));
  const size = ours.puzzleEmbedding.length;
  if (!whole || (size > 0 && !fits(EMBEDDING, size))) return null;
  const weights = new Map([...ours.weights.keys()].map((name) => [name, given.get(name) as Float32Array]));
  return { ...ours, weights, puzzleEmbedding: given.get(EMBEDDING)?.slice() ?? ours.puzzleEmbedding };
}
