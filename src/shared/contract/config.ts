/** Configs that come from outside: the reference's all_config.yaml. */
import { z } from 'zod';
import type { TrainConfig } from '../config';
import { method } from './method';

export interface ReadConfig {
  config: TrainConfig;
  /** Dotted keys that stand in the file; all others have the reference's defaults. */
  given: string[];
  notes: string[];
}

export const configMethods = {
  /** The text of an all_config.yaml; `name` is what sentences call it. */
  'config.read': method<ReadConfig>()(z.strictObject({ name: z.string().max(500), text: z.string().max(1_000_000) })),
} as const;
