/**
 * The job protocol between the studio and a compute process: plain messages over a port (Electron's utilityProcess or
 * child_process.fork with `serialization: 'advanced'`). The compute process never opens SQLite; it writes checkpoints,
 * traces and datasets as files and tells what it wrote.
 */
import type { ExportReport, ExportRequest, ImportReport, ImportRequest } from './checkpoint';
import type { TrainConfig } from './config';
import type { DatasetRecipe, DatasetSidecar, ExampleRef } from './dataset';
import type { BackendInfo } from './doctor';
import type { EvaluationPlan } from './evaluation';
import type { WireError } from './errors';
import type { MetricBatch } from './metrics';
import type { Task } from './arc';
import type { AttentionMap } from './trace';
import type { Candidate, SolveCheck, SolveOptions } from './solve';

export interface TrainJob {
  type: 'train';
  job: string;
  config: TrainConfig;
  /** Absolute folders of the datasets (train split of the first…, test split of those in data_paths_test). */
  data_paths: string[];
  data_paths_test: string[];
  /** Checkpoints go to `<run_dir>/checkpoints/step_N.safetensors`. */
  run_dir: string;
  run: string;
  /** Continue exactly from this file; null starts anew. */
  resume_from: string | null;
  /** Examples whose prediction is stored at every evaluation. */
  pinned: ExampleRef[];
}

export interface TraceJob {
  type: 'trace';
  job: string;
  run: string;
  run_name: string;
  checkpoint: string;
  data_path: string;
  example: ExampleRef;
  weights: 'ema' | 'raw';
  /** ACT steps to run; null takes the config's halt_max_steps. May exceed it. */
  act_steps: number | null;
  /** Record every H and L update inside the steps too. */
  inner: boolean;
  /** Other views of the puzzle (augmentations) to take along, at most. */
  views: number;
  /** A puzzle that the checkpoint never saw takes the mean of its embedding rows instead of being refused. */
  new_puzzle?: 'mean';
  out: string;
}

/** Runs between the steps of a training run, as a trace does. A stop saves its progress. */
export interface EvaluateJob {
  type: 'evaluate';
  job: string;
  plan: EvaluationPlan;
}

/** Where one cell of an example looks during one ACT step. Answered at once, not written to a file. */
export interface AttentionJob {
  type: 'attention';
  job: string;
  checkpoint: string;
  data_path: string;
  example: ExampleRef;
  weights: 'ema' | 'raw';
  /** ACT step, from 0. */
  step: number;
  /** 0 … S − 1 */
  cell: number;
}

/** Test-time training of one task. A stop ends it with the answer that it has by then. */
export interface SolveJob {
  type: 'solve';
  job: string;
  task: Task;
  options: SolveOptions;
  /** Absolute path; null starts from nothing. */
  checkpoint: string | null;
  /** The result file (shared/solve.ts, SolveResult). */
  out: string;
  /** A folder for what its playback needs: the model and its views' questions. */
  keep: string | null;
}

export interface BuildJob {
  type: 'build';
  job: string;
  recipe: DatasetRecipe;
  /** For ARC: the tasks of each subset, in the subsets' order, as they stand in the store. */
  subsets: { name: string; tasks: Task[] }[];
  /** Appears by rename when complete; nothing is left behind otherwise. */
  out: string;
}

/** A checkpoint from elsewhere. Needs no TensorFlow. */
export interface ImportJob {
  type: 'import';
  job: string;
  request: ImportRequest;
  /** The folder for `step_N.safetensors`; null only looks and explains. */
  out: string | null;
}

export interface ExportJob {
  type: 'export';
  job: string;
  request: ExportRequest;
}

export type ComputeJob = TrainJob | TraceJob | AttentionJob | BuildJob | EvaluateJob | SolveJob | ImportJob | ExportJob;

export type ToCompute =
  | ComputeJob
  | { type: 'probe'; job: string }
  | { type: 'pause' | 'resume' | 'stop' | 'save'; job: string }
  | { type: 'pin'; job: string; pinned: ExampleRef[] }
  /** Stop what runs (saving a checkpoint), then end the process. */
  | { type: 'exit' };

/** The prediction for one pinned example at one evaluation. Arrays are [S]. */
export interface PinnedPrediction {
  example: ExampleRef;
  puzzle: string;
  tokens: Uint8Array;
  /** p of the chosen token, 0…255. */
  confidence: Uint8Array;
  q_halt: number;
  /** Labelled cells that are wrong. */
  wrong: number;
}

export interface CheckpointFile {
  step: number;
  path: string;
  bytes: number;
  sha256: string;
  /** Why it was written. */
  reason: 'evaluation' | 'interval' | 'pause' | 'stop' | 'end' | 'asked' | 'imported';
  exact_accuracy: number | null;
}

export interface RunStarted {
  backend: BackendInfo;
  total_steps: number;
  /** The step it continues from; 0 for a new run. */
  step: number;
  parameters: number;
  embedding_rows: number;
  /** Things one should know, e.g. "forward_dtype bfloat16 runs as float32 on this backend." */
  notes: string[];
}

export type FromCompute =
  | { type: 'ready'; pid: number }
  | { type: 'backend'; job: string; backend: BackendInfo }
  | { type: 'started'; job: string; started: RunStarted }
  | { type: 'metrics'; job: string; batch: MetricBatch; tensors: number; memory_bytes: number; native_handles?: number }
  | {
      type: 'evaluation';
      job: string;
      step: number;
      seconds: number;
      metrics: Record<string, number>;
      predictions: PinnedPrediction[];
    }
  | { type: 'checkpoint'; job: string; checkpoint: CheckpointFile }
  | { type: 'status'; job: string; status: 'running' | 'paused'; step: number }
  | { type: 'progress'; job: string; done: number; total: number; what: string }
  | { type: 'solve-step'; job: string; step: number; seconds: number; loss: number }
  /** The candidates of every test input after a check, best first; the last ones of all are in the result file. */
  | { type: 'solve-check'; job: string; check: SolveCheck; candidates: Candidate[][] }
  | { type: 'note'; job: string; level: 'info' | 'warning'; message: string }
  | { type: 'done'; job: string; status: 'done' | 'stopped'; step: number; result: JobResult | null }
  | { type: 'failed'; job: string; error: WireError; step: number | null };

export type JobResult =
  | { kind: 'trace'; path: string; bytes: number; sha256: string; solved: boolean | null; puzzle: string }
  /** Its files lie in the plan's `out`. */
  | { kind: 'evaluation' }
  | { kind: 'attention'; map: AttentionMap }
  /** `kept`: what playback needs, or why it is not there. */
  | {
      kind: 'solve';
      path: string;
      bytes: number;
      sha256: string;
      kept: { bytes: number } | { fault: string } | null;
      /** What one should know of the answer. */
      notes: string[];
    }
  | { kind: 'dataset'; path: string; bytes: number; sidecar: DatasetSidecar }
  /** `file` is null where it was only looked at. */
  | { kind: 'import'; report: ImportReport; file: { path: string; bytes: number; sha256: string } | null }
  | { kind: 'export'; report: ExportReport };
