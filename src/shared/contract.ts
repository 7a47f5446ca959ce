/**
 * What the window may ask of the studio, and what the studio tells without being asked. One table: Electron's IPC and
 * the WebSocket serve the same one. Inputs are parsed here; outputs are types.
 */
import { z } from 'zod';
import type { PackedGrid, PuzzleKind } from './arc';
import { TrainConfigSchema, type TrainConfig } from './config';
import { DatasetRecipeSchema, type DatasetRecipe, type DatasetSidecar, type ExampleRef } from './dataset';
import type { BackendInfo, DoctorReport } from './doctor';
import type { JobStatus } from './jobs';
import type { MetricBatch, MetricSeries } from './metrics';

// ---- what is said about things -------------------------------------------------------------------------------------

export interface AppInfo {
  version: string;
  home: string;
  transport: 'electron' | 'web';
  platform: string;
  /** Bumped when the home was made; false once any run or dataset exists: the first-run cards are shown while true. */
  first_run: boolean;
}

export interface Subset {
  name: string;
  title: string;
  /** Where it came from: "bundled", or the imported file's or folder's path. */
  source: string;
  bundled: boolean;
  licence: string | null;
  count: number;
}

export interface TaskSummary {
  id: number;
  subset: string;
  name: string;
  train_pairs: number;
  test_pairs: number;
  /** The largest side of any grid in it. */
  max_side: number;
  /** Bit c is set if colour c occurs. */
  colours: number;
  /** Every output has its input's size. */
  same_shape: boolean;
  has_solutions: boolean;
  /** The first demonstration. */
  input: PackedGrid;
  output: PackedGrid;
}

export interface TaskDetail extends TaskSummary {
  train: { input: PackedGrid; output: PackedGrid }[];
  test: { input: PackedGrid; output: PackedGrid | null }[];
}

export interface ImportItem {
  file: string;
  /** "Kaggle challenges", "Kaggle solutions", "single task", … */
  recognised_as: string;
  tasks: number;
}

export interface ImportProblem {
  file: string;
  /** One sentence: the file, the place and the fix. */
  message: string;
  /** A file that is only left out (a README in the folder), not wrong. */
  harmless: boolean;
}

export interface ImportPreview {
  import: string;
  items: ImportItem[];
  problems: ImportProblem[];
  /** Tasks that will be stored, by the name of the new subset. */
  subsets: { name: string; title: string; tasks: number; examples: TaskSummary[] }[];
}

export interface DatasetSummary {
  id: string;
  name: string;
  kind: PuzzleKind;
  status: 'building' | 'ready' | 'failed';
  error: string | null;
  created: string;
  path: string;
  rows: number;
  columns: number;
  vocab_size: number;
  seq_len: number;
  train_examples: number;
  test_examples: number;
  train_puzzles: number;
  train_groups: number;
  mean_puzzle_examples: number;
  num_puzzle_identifiers: number;
  bytes: number;
  recipe: DatasetRecipe | null;
  shortfalls: DatasetSidecar['shortfalls'];
  left_out: DatasetSidecar['left_out'];
}

/** One example as the window draws it. Tokens are [S]; decode with `rows`, `columns` and `kind` of the dataset. */
export interface DatasetExample {
  example: ExampleRef;
  puzzle: string;
  input: Uint8Array;
  label: Uint8Array;
}

export interface RunSummary {
  id: string;
  name: string;
  preset: string | null;
  status: JobStatus;
  /** One sentence on why it failed or stopped by itself, or null. */
  reason: string | null;
  dataset: string | null;
  dataset_name: string;
  kind: PuzzleKind;
  created: string;
  updated: string;
  step: number;
  total_steps: number;
  seconds: number;
  steps_per_s: number | null;
  best_exact_accuracy: number | null;
  last_exact_accuracy: number | null;
  last_lm_loss: number | null;
  has_checkpoint: boolean;
}

export interface RunDetail extends RunSummary {
  config: TrainConfig;
  backend: BackendInfo | null;
  parameters: number | null;
  embedding_rows: number | null;
  notes: string[];
  pinned: ExampleRef[];
  rows: number;
  columns: number;
}

export interface CheckpointInfo {
  id: number;
  run: string;
  step: number;
  created: string;
  path: string;
  bytes: number;
  sha256: string;
  reason: string;
  exact_accuracy: number | null;
  best: boolean;
}

export interface RunEvent {
  id: number;
  run: string;
  time: string;
  level: 'info' | 'warning' | 'error';
  step: number | null;
  message: string;
}

/** Predictions of the pinned examples at one evaluation, in the run's pinned order. */
export interface PredictionSet {
  run: string;
  step: number;
  predictions: {
    example: ExampleRef;
    puzzle: string;
    tokens: Uint8Array;
    confidence: Uint8Array;
    q_halt: number;
    wrong: number;
  }[];
}

export interface TraceInfo {
  id: number;
  run: string;
  run_name: string;
  checkpoint: number | null;
  checkpoint_step: number;
  puzzle: string;
  example: ExampleRef;
  status: JobStatus;
  error: string | null;
  solved: boolean | null;
  created: string;
}

export interface Estimate {
  total_steps: number;
  flops_per_step: number;
  parameters: number;
  /** From this machine's own finished steps; null before any were measured. */
  seconds: number | null;
  steps_per_s: number | null;
  basis: string;
}

export interface ComputeState {
  backend: BackendInfo | null;
  error: string | null;
  /** Of the compute processes together, bytes. */
  memory_bytes: number | null;
  running: string | null;
}

const SETTINGS = {
  theme: z.enum(['system', 'light', 'dark']),
  palette: z.enum(['official', 'symbols']),
  /** The renderer's own memory: screen, selection, zoom. */
  view: z.record(z.string(), z.unknown()),
};
export const SettingsSchema = z.strictObject({
  theme: SETTINGS.theme.default('system'),
  palette: SETTINGS.palette.default('official'),
  view: SETTINGS.view.default({}),
});
/** Only what is given. `SettingsSchema.partial()` would fill in the defaults, and so reset whatever is not. */
const SettingsPatchSchema = z.strictObject(SETTINGS).partial();
export type Settings = z.output<typeof SettingsSchema>;

// ---- methods -------------------------------------------------------------------------------------------------------

const none = z.strictObject({});
const runId = z.strictObject({ run: z.string().min(1) });
const example = z.strictObject({ split: z.enum(['train', 'test']), index: z.number().int().min(0) });
const bytes = z.custom<Uint8Array>((v) => v instanceof Uint8Array, 'expected bytes');

/** Names a method's output type without a value at run time. */
interface Method<I extends z.ZodType, O> {
  input: I;
  output: (value: never) => O;
}
const method =
  <O>() =>
  <I extends z.ZodType>(input: I): Method<I, O> => ({ input, output: undefined as never });

export const METHODS = {
  'app.info': method<AppInfo>()(none),
  'app.doctor': method<DoctorReport>()(none),
  'app.compute': method<ComputeState>()(none),
  'settings.get': method<Settings>()(none),
  'settings.set': method<Settings>()(SettingsPatchSchema),

  'tasks.subsets': method<Subset[]>()(none),
  'tasks.list': method<TaskSummary[]>()(
    z.strictObject({
      subsets: z.array(z.string()).optional(),
      search: z.string().max(200).optional(),
      max_side: z.number().int().min(1).max(30).optional(),
    }),
  ),
  'tasks.get': method<TaskDetail>()(z.strictObject({ id: z.number().int() })),
  'tasks.delete_subset': method<{ deleted: number }>()(z.strictObject({ subset: z.string() })),

  /** An import gathers files (by path, or by content where the window has no paths), shows what it found, then stores. */
  'import.begin': method<{ import: string }>()(none),
  'import.add_paths': method<{ files: number }>()(
    z.strictObject({ import: z.string(), paths: z.array(z.string()).min(1) }),
  ),
  'import.add_files': method<{ files: number }>()(
    z.strictObject({
      import: z.string(),
      files: z.array(z.strictObject({ path: z.string().min(1), content: bytes })).min(1),
    }),
  ),
  'import.preview': method<ImportPreview>()(z.strictObject({ import: z.string() })),
  /** Stores all, or nothing. With problems it refuses, unless `leave_out_bad`. */
  'import.commit': method<{ subsets: string[]; tasks: number }>()(
    z.strictObject({ import: z.string(), leave_out_bad: z.boolean().default(false) }),
  ),
  'import.cancel': method<Record<string, never>>()(z.strictObject({ import: z.string() })),
  /** Electron's own file dialog; null if cancelled or if there is none (web). */
  'import.choose': method<{ paths: string[] } | null>()(z.strictObject({ folders: z.boolean() })),

  'datasets.list': method<DatasetSummary[]>()(none),
  'datasets.get': method<DatasetSummary>()(z.strictObject({ dataset: z.string() })),
  'datasets.build': method<DatasetSummary>()(
    z.strictObject({ name: z.string().min(1).max(200), recipe: DatasetRecipeSchema }),
  ),
  'datasets.cancel': method<Record<string, never>>()(z.strictObject({ dataset: z.string() })),
  'datasets.delete': method<Record<string, never>>()(z.strictObject({ dataset: z.string() })),
  /** Unaugmented examples of a split: what one may pin or play back. */
  'datasets.examples': method<{ total: number; examples: DatasetExample[] }>()(
    z.strictObject({
      dataset: z.string(),
      split: z.enum(['train', 'test']),
      search: z.string().max(200).optional(),
      offset: z.number().int().min(0).default(0),
      limit: z.number().int().min(1).max(500).default(60),
    }),
  ),
  /** The given examples, in their order. */
  'datasets.read': method<DatasetExample[]>()(
    z.strictObject({ dataset: z.string(), examples: z.array(example).max(500) }),
  ),

  'runs.list': method<RunSummary[]>()(none),
  'runs.get': method<RunDetail>()(runId),
  'runs.estimate': method<Estimate>()(
    z.strictObject({
      config: TrainConfigSchema,
      dataset: z.string().nullable(),
      recipe: DatasetRecipeSchema.nullable(),
    }),
  ),
  /** With a recipe and no dataset, the dataset is built first (or an equal one taken), then the run starts. */
  'runs.create': method<RunSummary>()(
    z.strictObject({
      name: z.string().min(1).max(200),
      preset: z.string().nullable(),
      config: TrainConfigSchema,
      dataset: z.string().nullable(),
      recipe: DatasetRecipeSchema.nullable(),
      pinned: z.array(example).max(24).optional(),
    }),
  ),
  'runs.pause': method<RunSummary>()(runId),
  'runs.resume': method<RunSummary>()(runId),
  'runs.stop': method<RunSummary>()(runId),
  'runs.save': method<Record<string, never>>()(runId),
  'runs.rename': method<RunSummary>()(z.strictObject({ run: z.string(), name: z.string().min(1).max(200) })),
  'runs.delete': method<Record<string, never>>()(runId),
  'runs.metrics': method<MetricSeries[]>()(z.strictObject({ run: z.string(), names: z.array(z.string()).optional() })),
  'runs.checkpoints': method<CheckpointInfo[]>()(runId),
  'runs.events': method<RunEvent[]>()(runId),
  'runs.predictions': method<PredictionSet[]>()(runId),
  'runs.pin': method<RunDetail>()(z.strictObject({ run: z.string(), pinned: z.array(example).max(24) })),

  'traces.list': method<TraceInfo[]>()(z.strictObject({ run: z.string().optional() })),
  'traces.create': method<TraceInfo>()(
    z.strictObject({
      checkpoint: z.number().int(),
      example,
      weights: z.enum(['ema', 'raw']).default('ema'),
      act_steps: z.number().int().min(1).max(256).nullable().default(null),
    }),
  ),
  /** The trace file's bytes (shared/trace.ts). */
  'traces.read': method<Uint8Array>()(z.strictObject({ trace: z.number().int() })),
  'traces.delete': method<Record<string, never>>()(z.strictObject({ trace: z.number().int() })),
} as const;

export type Methods = typeof METHODS;
export type MethodName = keyof Methods;
/** What a caller passes. */
export type Input<M extends MethodName> = z.input<Methods[M]['input']>;
/** What a handler receives. */
export type Parsed<M extends MethodName> = z.output<Methods[M]['input']>;
// Not ReturnType: its `any` arguments do not fit the parameter `never`, and it would give `any`.
export type Output<M extends MethodName> = Methods[M]['output'] extends (value: never) => infer O ? O : never;

/** One handler per method: what the studio implements and every transport serves. */
export type Handlers = { [M in MethodName]: (input: Parsed<M>) => Promise<Output<M>> | Output<M> };

// ---- events --------------------------------------------------------------------------------------------------------

export interface Events {
  'run.changed': RunSummary;
  'run.deleted': { run: string };
  'run.metrics': { run: string; batch: MetricBatch };
  'run.event': RunEvent;
  'run.checkpoint': CheckpointInfo;
  'run.prediction': PredictionSet;
  'dataset.changed': DatasetSummary;
  'dataset.deleted': { dataset: string };
  'dataset.progress': { dataset: string; done: number; total: number; what: string; seconds_left: number | null };
  'import.progress': { import: string; files_done: number; files_total: number };
  'tasks.changed': { subsets: Subset[] };
  'trace.changed': TraceInfo;
  'compute.changed': ComputeState;
  'settings.changed': Settings;
  /** Chosen in the native menu or by a second start; the window acts as if its own control had been used. Electron only. */
  'app.command': AppCommand;
}
/** `go` names a screen by its first path segment. */
export type AppCommand =
  | { command: 'go'; screen: 'tasks' | 'datasets' | 'runs' | 'playback' | 'settings' | 'new-run' }
  | { command: 'import' | 'palette' | 'shortcuts' };
export type EventName = keyof Events;

/** What the preload or the WebSocket client gives the renderer. */
export interface StudioClient {
  call<M extends MethodName>(name: M, input: Input<M>): Promise<Output<M>>;
  on<E extends EventName>(name: E, listener: (payload: Events[E]) => void): () => void;
  /** Absolute path of a dropped file where the window may know it (Electron), else null. */
  pathOf(file: File): string | null;
  readonly transport: 'electron' | 'web';
  /** Web: whether the connection stands; Electron: always true. */
  onConnection(listener: (up: boolean) => void): () => void;
}
