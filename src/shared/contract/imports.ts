/** Bringing tasks in: gather, show, store. */
import { z } from 'zod';
import type { PuzzleKind } from '../arc';
import type { DataWarning } from '../dataset';
import type { TaskSummary } from './tasks';
import { method } from './method';
import { absolutePath } from './path';

export interface ImportItem {
  /** Its path; inside an archive the archive's path, " › ", and the entry's name. */
  file: string;
  /** "Kaggle challenges", "single task", "zip archive", "Sudoku CSV", "maze CSV", "dataset folder", … */
  recognised_as: string;
  /** ARC tasks in it. */
  tasks: number;
  /** Puzzles or examples in a CSV or a dataset folder; 0 elsewhere. */
  puzzles: number;
}

export interface ImportProblem {
  file: string;
  /** One sentence: the file, the place and the fix. */
  message: string;
  /** A file that is only left out (a README in the folder), not wrong. */
  harmless: boolean;
}

/** A dataset that the import will add: a folder that a builder wrote, or one to be built from CSVs. */
export interface ImportDataset {
  name: string;
  kind: PuzzleKind;
  source: string;
  /** `linked` stays where it is and is opened there; `copied` goes into the home; `built` is made from the CSV at once. */
  how: 'linked' | 'copied' | 'built';
  rows: number;
  columns: number;
  train_examples: number;
  /** 0: there is nothing to test on. */
  test_examples: number;
}

export interface ImportPreview {
  import: string;
  items: ImportItem[];
  problems: ImportProblem[];
  /** Tasks that will be stored, by the name of the new subset. */
  subsets: { name: string; title: string; tasks: number; examples: TaskSummary[] }[];
  /** Datasets that will be added beside them. */
  datasets: ImportDataset[];
  /** Worth knowing before storing; none of them keeps the import from being stored. */
  warnings: DataWarning[];
}

const bytes = z.custom<Uint8Array>((v) => v instanceof Uint8Array, 'expected bytes');

export const importMethods = {
  /** An import gathers files (by path, or by content where the window has no paths), shows what it found, then stores. */
  'import.begin': method<{ import: string }>()(
    // Pairs under `arc-gen` become further demonstrations.
    z.strictObject({ arc_gen: z.boolean().default(false) }),
  ),
  'import.add_paths': method<{ files: number }>()(
    z.strictObject({ import: z.string(), paths: z.array(absolutePath).min(1) }),
  ),
  'import.add_files': method<{ files: number }>()(
    z.strictObject({
      import: z.string(),
      files: z.array(z.strictObject({ path: z.string().min(1), content: bytes })).min(1),
    }),
  ),
  'import.preview': method<ImportPreview>()(z.strictObject({ import: z.string() })),
  /** Stores all, or nothing. With problems it refuses, unless `leave_out_bad`. `datasets` are ids. */
  'import.commit': method<{ subsets: string[]; tasks: number; datasets: string[] }>()(
    z.strictObject({ import: z.string(), leave_out_bad: z.boolean().default(false) }),
  ),
  'import.cancel': method<Record<string, never>>()(z.strictObject({ import: z.string() })),
  /** Electron's own file dialog; null if cancelled or if there is none (web). */
  'import.choose': method<{ paths: string[] } | null>()(z.strictObject({ folders: z.boolean() })),
} as const;

export interface ImportEvents {
  'import.progress': { import: string; files_done: number; files_total: number };
}
