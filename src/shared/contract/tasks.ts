/** ARC tasks, by subset. */
import { z } from 'zod';
import type { PackedGrid } from '../arc';
import { method, none } from './method';

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
  'tasks.delete_subset': method<{ deleted: number }>()(z.strictObject({ subset: z.string() })),
} as const;

export interface TaskEvents {
  'tasks.changed': { subsets: Subset[] };
}
