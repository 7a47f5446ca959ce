/** ARC tasks, by subset. */
import { z } from 'zod';
import { MAX_GRID, type PackedGrid } from '../arc';
import { method, none } from './method';

export interface Subset {
  name: string;
  title: string;
  /** Where it came from: "bundled", or the imported file's or folder's path. */
  source: string;
  bundled: boolean;
  /** The collection of the tasks drawn here: the only one whose tasks can be changed. */
  own: boolean;
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

/** Its form only; that it is a grid is checked by the rules of the import, which say what is wrong. */
const packed = z.string().max(MAX_GRID * (MAX_GRID + 1));

export const taskMethods = {
  'tasks.subsets': method<Subset[]>()(none),
  'tasks.list': method<TaskSummary[]>()(
    z.strictObject({
      subsets: z.array(z.string()).optional(),
      search: z.string().max(200).optional(),
      max_side: z.number().int().min(1).max(30).optional(),
    }),
  ),
  'tasks.get': method<TaskDetail>()(z.strictObject({ id: z.number().int() })),
  /**
   * Stores a task among those drawn here: a new one, or in place of `id`. Checked as an import is; a name that another
   * drawn task has is refused.
   */
  'tasks.save': method<TaskDetail>()(
    z.strictObject({
      id: z.number().int().nullable().default(null),
      name: z.string(),
      train: z.array(z.strictObject({ input: packed, output: packed })),
      test: z.array(z.strictObject({ input: packed, output: packed.nullable() })),
    }),
  ),
  /** Deletes one drawn task; those of other collections go with their collection. */
  'tasks.delete': method<Record<string, never>>()(z.strictObject({ id: z.number().int() })),
  'tasks.delete_subset': method<{ deleted: number }>()(z.strictObject({ subset: z.string() })),
} as const;

export interface TaskEvents {
  'tasks.changed': { subsets: Subset[] };
}
