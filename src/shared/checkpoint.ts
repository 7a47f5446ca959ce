/** What is said about checkpoints that come in or go out; the words of the import dialog and of the command line. */
import type { PuzzleKind } from './arc';
import type { TrainConfig } from './config';

export interface ImportReport {
  path: string;
  format: 'pytorch' | 'safetensors' | 'studio';
  /** Of the file. */
  bytes: number;
  step: number;
  /** Numbers in the dense weights. */
  parameters: number;
  /** As the run gets it. */
  config: TrainConfig;
  /** The file that says the config; null where it was made from the weights' shapes. */
  config_from: string | null;
  /** Settings that leave no trace in the weights and that nothing says: taken as usual, to be set if they are not. */
  assumed: { key: string; value: unknown; why: string }[];
  seq_len: number;
  vocab_size: number;
  kind: PuzzleKind;
  rows: number;
  columns: number;
  /** Null without puzzle embeddings. */
  embedding: {
    /** In the file, and in the dataset. */
    file_rows: number;
    rows: number;
    matched: number;
    mean: number;
    rule: 'names' | 'numbers' | 'mean';
    /** Where the checkpoint's names come from; null if there are none. */
    names_from: string | null;
    sentence: string;
  } | null;
  /** The dataset that the run gets; null if it has none yet. */
  data_path: string | null;
  /** Sentences worth knowing, and those worth a doubt. */
  notes: string[];
  warnings: string[];
  /** Optimizer state, carry and data position come along: it goes on exactly. */
  exact: boolean;
}

export const EXPORT_FORMATS = ['pytorch', 'safetensors'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportReport {
  folder: string;
  step: number;
  files: { path: string; bytes: number }[];
  /** Which weights were written: the averages, or those that training goes on with. */
  weights: 'ema' | 'raw';
}

/** What comes in. */
export interface ImportRequest {
  checkpoint: string;
  /** Instead of the all_config.yaml beside it. */
  config: string | null;
  /** The names of the checkpoint's embedding rows, instead of the identifiers.json beside it. */
  identifiers: string | null;
  /** The dataset that the run gets; null takes the config's if it is on this machine. */
  data_path: string | null;
  /** Settings by dotted key that go before the config's. */
  overrides: Readonly<Record<string, unknown>>;
  /** It goes on with a run that is known, whose place these values say; the file's own count and config do not. */
  continues?: Continuation;
}

export interface Continuation {
  config: TrainConfig;
  step: number;
  /** Training time so far. */
  seconds: number;
  /** Whole evaluation intervals behind it. */
  iteration: number;
}

/** What goes out. */
export interface ExportRequest {
  /** A checkpoint of the studio. */
  checkpoint: string;
  format: ExportFormat;
  /** "ema" takes the averages where there are any. */
  weights: 'ema' | 'raw';
  /** The folder; made if it is not there. */
  out: string;
  /** Names as torch.compile gives them (the reference's usual case), or as with DISABLE_COMPILE. */
  keys: 'compiled' | 'plain';
  /** Instead of the config's: where the dataset is. */
  data_paths: string[] | null;
  /** Write over a step_N that is there. */
  overwrite: boolean;
}
