/**
 * Paths that a window sends. It has no folder of its own: a relative path would lead into the folder that the app happens
 * to run in, its own checkout. The command line makes paths whole before it asks.
 */
import { z } from 'zod';
import type { TrainConfig } from '../config';
import { DatasetRecipeSchema } from '../dataset';

/** Which issues `dispatch` says as a sentence of their own. */
export const RELATIVE = 'relative_path';

const onWindows = (): boolean => (globalThis as { process?: { platform?: string } }).process?.platform === 'win32';

/** Whether a path says where it begins, on the system that the studio runs on. */
export function isWholePath(path: string, windows = onWindows()): boolean {
  return windows ? /^([A-Za-z]:[\\/]|[\\/]{2})/.test(path) : path.startsWith('/');
}

/** What is wrong with a path that is not whole, with one that is. */
export function relativeSentence(path: string, windows = onWindows()): string {
  const name = path
    .slice(0, 100)
    .split(/[\\/]/)
    .filter((part) => !/^(\.*|~)$/.test(part))
    .join(windows ? '\\' : '/');
  const whole = windows ? `C:\\Users\\you\\${name}` : `/home/you/${name}`;
  return `${path.slice(0, 100)} is no whole path: say where it begins, such as ${whole}.`;
}

export const absolutePath = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => isWholePath(path), { error: 'write the whole path', params: { [RELATIVE]: true } });

/** A recipe whose files are named by whole paths. */
export const WholeRecipeSchema = DatasetRecipeSchema.superRefine((recipe, context) => {
  if (!('train_file' in recipe)) return;
  for (const key of ['train_file', 'test_file'] as const) refuseRelative(recipe[key], [key], context);
});

/** The paths that a config holds; its data folders count only where no dataset is named in their place. */
export function refuseRelativeConfig(
  { config, dataset, recipe }: { config: TrainConfig; dataset: string | null; recipe: unknown },
  context: z.core.$RefinementCtx,
): void {
  const named = dataset !== null || recipe !== null;
  const { studio, load_checkpoint, checkpoint_path } = config;
  refuseRelative(studio.tensorboard_dir, ['config', 'studio', 'tensorboard_dir'], context);
  refuseRelative(checkpoint_path, ['config', 'checkpoint_path'], context);
  refuseRelative(load_checkpoint, ['config', 'load_checkpoint'], context);
  for (const key of ['data_paths', 'data_paths_test'] as const) {
    if (key === 'data_paths' && named) continue;
    config[key].forEach((path, i) => refuseRelative(path, ['config', key, i], context));
  }
}

function refuseRelative(path: string | null, place: PropertyKey[], context: z.core.$RefinementCtx): void {
  if (path === null || isWholePath(path)) return;
  context.addIssue({ code: 'custom', path: place, message: 'write the whole path', params: { [RELATIVE]: true } });
}
