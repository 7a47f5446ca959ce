/** A training run: data, model and checkpoint brought together, the loop's words turned into messages. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadBackend } from '../core/backend/load';
import { memoryUse } from '../core/backend/memory';
import type { WrittenFile } from '../core/lib/atomic';
import { makeFolder } from '../core/lib/folders';
import { startingWeights } from '../core/checkpoint/import/starting-weights';
import {
  readCheckpoint,
  writeCheckpoint,
  type CheckpointMeta,
  type StudioCheckpoint,
} from '../core/checkpoint/native/checkpoint';
import { IdentifierTable } from '../core/data/identifiers';
import { openData, type OpenData } from '../core/data/merged';
import { TrainSampler } from '../core/data/sampler';
import { countParameters, type ModelSpec } from '../core/model/architecture';
import { LoopControl } from '../core/train/control';
import { trainLoop, type LoopHost, type TrainingRun } from '../core/train/loop';
import { orDispose } from '../core/train/or-dispose';
import { totalSteps } from '../core/train/schedule';
import { Trainer } from '../core/train/trainer';
import type { TrainJob } from '../shared/compute';
import { configDiff, getPath } from '../shared/config-fields';
import type { TrainConfig } from '../shared/config';
import type { ExampleRef } from '../shared/dataset';
import { StudioError } from '../shared/errors';
import { mergedIdentifiers, puzzleNameOf } from './identifiers';
import type { JobControl, JobEnd, RunningJob, Tell } from './jobs';

export function startTraining(job: TrainJob, tell: Tell): RunningJob {
  const control = new LoopControl(job.pinned);
  let run: TrainingRun | null = null;
  return {
    ended: train(job, control, tell, (set) => (run = set)),
    control: (message) => direct(control, message),
    step: () => run?.trainer.step ?? null,
  };
}

function direct(control: LoopControl, message: JobControl): void {
  if (message.type === 'pin') control.pin(message.pinned);
  else control[message.type]();
}

async function train(
  job: TrainJob,
  control: LoopControl,
  tell: Tell,
  ready: (run: TrainingRun) => void,
): Promise<JobEnd> {
  const backend = await loadBackend();
  const data = openData(job.data_paths, job.data_paths_test);
  let run: TrainingRun | null = null;
  try {
    const say = (level: 'info' | 'warning') => (message: string) =>
      tell({ type: 'note', job: job.job, level, message });
    run = await setUp(job, data, say('info'), say('warning'));
    ready(run);
    const { config, trainer } = run;
    tell({
      type: 'started',
      job: job.job,
      started: {
        backend: { ...backend, execution: trainer.execution, dtype: trainer.dtype },
        total_steps: plannedSteps(config, trainer.totalSteps),
        step: trainer.step,
        parameters: countParameters(trainer.architecture, trainer.spec),
        embedding_rows: trainer.puzzles?.rows ?? 0,
        notes: notes(config, trainer),
      },
    });
    const status = await trainLoop(run, control, hostOf(job, data, tell));
    return { status, step: trainer.step, result: null };
  } finally {
    run?.trainer.dispose();
    data.close();
  }
}

/** What a reader of the config would not expect of this run. */
function notes(config: TrainConfig, { dtype, execution, totalSteps, part }: Trainer): string[] {
  const { arch, epochs, studio, global_batch_size: batch } = config;
  const said: string[] = [];
  if (part < batch) {
    const why = studio.micro_batch > 0 ? 'as studio.micro_batch says' : 'as many as this device has memory for';
    said.push(`The ${batch} puzzles of a batch are computed ${part} at a time, ${why}: it learns the same.`);
  }
  if (arch.forward_dtype !== dtype) {
    const why =
      execution === 'eager' ? 'op by op there are no bfloat16 tensors' : 'nothing is computed in bfloat16 here';
    said.push(`forward_dtype ${arch.forward_dtype} runs as ${dtype}: ${why}.`);
  }
  if (studio.max_steps > totalSteps) {
    const [wanted, given] = [studio.max_steps, totalSteps].map((n) => n.toLocaleString('en-US'));
    said.push(
      `max_steps is ${wanted}, but ${epochs} epochs give ${given} steps and end the run: raise epochs for more.`,
    );
  }
  return said;
}

const plannedSteps = ({ studio }: TrainConfig, scheduled: number): number =>
  studio.max_steps > 0 ? Math.min(studio.max_steps, scheduled) : scheduled;

async function setUp(
  job: TrainJob,
  data: OpenData,
  say: (sentence: string) => void,
  warn: (sentence: string) => void,
): Promise<TrainingRun> {
  const { config } = job;
  const { metadata } = data.train;
  const spec: ModelSpec = {
    arch: config.arch,
    seq_len: metadata.seq_len,
    columns: data.columns,
    vocab_size: metadata.vocab_size,
    num_puzzle_identifiers: data.numPuzzleIdentifiers,
  };
  const sampler = new TrainSampler(data.train, {
    batchSize: config.global_batch_size,
    epochs: config.eval_interval ?? config.epochs,
    seed: config.seed,
  });
  const steps = totalSteps(config, metadata);
  const fresh = { config, data, sampler, seconds: 0, evaluated: null, evaluationDue: false };
  if (!job.resume_from) {
    const path = config.load_checkpoint;
    const trainer = await orDispose(new Trainer(config, spec, steps, null, { warn }), async (made) => {
      if (path) (await startFrom(path, made, job, data)).forEach(say);
    });
    return { ...fresh, trainer };
  }
  const { meta, snapshot } = await readCheckpoint(job.resume_from);
  refuseOtherModel(job, meta.config, spec, meta);
  sampler.restore(meta.sampler);
  const { seconds, evaluated, evaluation_due: evaluationDue } = meta;
  return { ...fresh, trainer: new Trainer(config, spec, steps, snapshot, { warn }), seconds, evaluated, evaluationDue };
}

/** Keys that decide the shapes of what a checkpoint holds, or what its numbers mean. */
const FIXED = /^(arch\.|global_batch_size$|ema$|freeze_weights$|seed$)/;
/** Of a checkpoint with weights only: what belongs to the optimizer and the carry is made anew. */
const FIXED_WEIGHTS = /^arch\./;

function refuseOtherModel(job: TrainJob, saved: TrainConfig, spec: ModelSpec, meta: CheckpointMeta): void {
  const refuse = (key: string, ours: unknown, theirs: unknown): never => {
    const values = `${key} is ${JSON.stringify(ours)} here and ${JSON.stringify(theirs)} in ${job.resume_from}`;
    throw new StudioError('bad_input', `${values}: resume with the run's own value, or start a new run.`);
  };
  const fixed = meta.weights_only ? FIXED_WEIGHTS : FIXED;
  const key = configDiff(job.config, saved).find((path) => fixed.test(path));
  if (key) refuse(key, getPath(job.config, key), getPath(saved, key));
  for (const shape of ['seq_len', 'vocab_size', 'num_puzzle_identifiers'] as const) {
    if (spec[shape] !== meta[shape]) refuse(`the dataset's ${shape}`, spec[shape], meta[shape]);
  }
}

/** Weights of another run, or of the reference, as the start of this one. @returns what one should know about it */
async function startFrom(path: string, trainer: Trainer, job: TrainJob, data: OpenData): Promise<string[]> {
  const bytes = Buffer.from(await mergedIdentifiers(job, data)());
  const names = bytes.length ? IdentifierTable.parse(bytes, 'identifiers.json') : null;
  const { blank_identifier_id: blank } = data.train.metadata;
  const { weights, embedding, notes } = startingWeights(path, trainer.config, trainer.spec, names, blank);
  trainer.load(weights, embedding);
  return notes;
}

/**
 * A name that no file has. A step may be saved twice (after so many steps, and then at an evaluation): until the studio
 * has recorded the second file, its row is that of the first, which must stay as it is.
 */
function newFile(folder: string, step: number): string {
  for (let n = 1; ; n++) {
    const path = join(folder, `step_${step}${n === 1 ? '' : `-${n}`}.safetensors`);
    if (!existsSync(path)) return path;
  }
}

const goneFolder = (folder: string): StudioError =>
  new StudioError(
    'unavailable',
    `The run's folder ${folder} is gone: if its disk was unmounted, mount it again and resume the run; what was saved stays saved.`,
  );

/** Makes the run's folder, or one in it, but none above it: where that is missing, its disk is gone. */
function claimFolder(folder: string, run = folder): void {
  if (existsSync(folder)) return;
  try {
    makeFolder(folder);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? goneFolder(run) : error;
  }
}

/**
 * A checkpoint into the folder of a run. Made again under a mount point, the folder would lie on another disk, out of sight
 * once the right one is back: so neither it nor one above it is made here.
 */
async function saveInto(runFolder: string, step: number, checkpoint: StudioCheckpoint): Promise<WrittenFile> {
  const folder = join(runFolder, 'checkpoints');
  claimFolder(folder, runFolder);
  try {
    return await writeCheckpoint(newFile(folder, step), checkpoint, 'there');
  } catch (error) {
    throw existsSync(runFolder) ? error : goneFolder(runFolder);
  }
}

function hostOf(job: TrainJob, data: OpenData, tell: Tell): LoopHost {
  const id = job.job;
  claimFolder(job.run_dir);
  const identifiers = mergedIdentifiers(job, data);
  return {
    metrics: (batch) => {
      tell({ type: 'metrics', job: id, batch, ...memoryUse() });
    },
    evaluation: (step, seconds, metrics, predictions) =>
      tell({ type: 'evaluation', job: id, step, seconds, metrics, predictions }),
    status: (status, step) => tell({ type: 'status', job: id, status, step }),
    note: (message) => tell({ type: 'note', job: id, level: 'info', message }),
    puzzleName: (example: ExampleRef) => puzzleNameOf(job, data, example),
    checkpoint: async ({ trainer, sampler, config, seconds, evaluated, evaluationDue }, reason) => {
      const snapshot = await trainer.snapshot();
      const { seq_len, vocab_size, num_puzzle_identifiers } = trainer.spec;
      const checkpoint: StudioCheckpoint = {
        snapshot,
        identifiers: await identifiers(),
        meta: {
          schema: 1,
          config,
          seq_len,
          vocab_size,
          num_puzzle_identifiers,
          kind: data.kind,
          rows: data.rows,
          columns: data.columns,
          step: trainer.step,
          total_steps: trainer.totalSteps,
          seconds,
          sampler: sampler.state(),
          exploration: snapshot.exploration,
          evaluated,
          evaluation_due: evaluationDue,
        },
      };
      const written = await saveInto(job.run_dir, trainer.step, checkpoint);
      const { step } = trainer;
      // Only what was measured with these very weights.
      const exact_accuracy = evaluated?.step === step ? evaluated.exact_accuracy : null;
      tell({ type: 'checkpoint', job: id, checkpoint: { step, ...written, reason, exact_accuracy } });
    },
  };
}
