/** What a dataset's JSON files say about it, checked: folders come from other builders and other machines too. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { PuzzleKind } from '../../shared/arc';
import { DatasetRecipeSchema, type DatasetMetadata, type DatasetSidecar } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { parseJson } from '../arc/json';
import { ARC_VOCAB } from '../../shared/arc-canvas';
import { SIDECAR_FILE } from './split-writer';

const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1);

const MetadataSchema = z.object({
  pad_id: count,
  ignore_label_id: count.nullable(),
  blank_identifier_id: count,
  vocab_size: count.min(1).max(256), // tokens are bytes
  seq_len: count.min(1),
  num_puzzle_identifiers: count.min(1),
  total_groups: count,
  mean_puzzle_examples: z.number().min(0),
  /** Absent in datasets of the first builders; the arrays know it too. */
  total_puzzles: count.optional(),
  sets: z.array(z.string().regex(/^[\w-][\w.-]*$/, 'is no name of a set')).length(1),
});

const SidecarSchema = z.object({
  schema: z.literal(1),
  kind: z.enum(['arc', 'sudoku', 'maze']),
  rows: count.min(1),
  columns: count.min(1),
  recipe: DatasetRecipeSchema.nullable(),
  shortfalls: z.array(z.object({ name: z.string(), wanted: count, found: count })),
  left_out: z.array(z.object({ name: z.string(), reason: z.string() })),
});

function checked<T>(value: unknown, file: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue.path.join('.') || 'the file';
  const found = issue.path.reduce<unknown>((v, key) => (v as Record<PropertyKey, unknown> | undefined)?.[key], value);
  const is = found === undefined ? 'is missing' : `is ${JSON.stringify(found).slice(0, 60)} (${issue.message})`;
  throw new StudioError('damaged', `${file}: ${at} ${is}: build the dataset again, or mend the file.`);
}

/** `dataset.json` of one split. `total_puzzles` is −1 where the file does not say it. */
export function readMetadata(file: string): DatasetMetadata {
  return parseMetadata(parseJson(readFileSync(file), file).value, file);
}

/** The same from its parsed content. */
export function parseMetadata(value: unknown, file: string): DatasetMetadata {
  const { total_puzzles = -1, ...rest } = checked(value, file, MetadataSchema);
  return { ...rest, total_puzzles };
}

/** `studio.json`, or null where the folder was made elsewhere. */
export function readSidecar(folder: string): DatasetSidecar | null {
  const file = join(folder, SIDECAR_FILE);
  if (!existsSync(file)) return null;
  return parseSidecar(parseJson(readFileSync(file), file).value, file);
}

/** The same from its parsed content. */
export function parseSidecar(value: unknown, file: string): DatasetSidecar {
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (typeof schema === 'number' && schema > 1) {
    throw new StudioError(
      'newer_version',
      `${file} was written by a later TRM Studio (format ${schema}): update TRM Studio to use it.`,
    );
  }
  return checked(value, file, SidecarSchema);
}

/** What the tokens mean and how they lie, from the numbers alone: the reference's three kinds and our small boards. */
export function guessLayout(metadata: DatasetMetadata): { kind: PuzzleKind; rows: number; columns: number } | null {
  const side = Math.sqrt(metadata.seq_len);
  if (!Number.isInteger(side)) return null;
  const layout = (kind: PuzzleKind) => ({ kind, rows: side, columns: side });
  if (metadata.vocab_size === side + 2 && [4, 6, 9].includes(side)) return layout('sudoku');
  if (metadata.vocab_size === ARC_VOCAB && side <= 30) return layout('arc');
  return metadata.vocab_size === 6 ? layout('maze') : null;
}
