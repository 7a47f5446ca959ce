/** What a checkpoint says of itself, checked: the JSON under `trm` in its header. */
import { z } from 'zod';
import type { PuzzleKind } from '../../../shared/arc';
import { checkConfig } from '../../../shared/config-fields';
import { TrainConfigSchema, type TrainConfig } from '../../../shared/config';
import { StudioError } from '../../../shared/errors';
import { schemaVersion } from '../../../shared/schema-version';
import type { SamplerState } from '../../data/sampler';
import type { RandomState } from '../../lib/random';
import type { LastEvaluation } from '../../train/loop';
import type { WeightDtype } from '../formats/dtypes';

const SCHEMA = 1;

export interface CheckpointMeta {
  schema: 1;
  config: TrainConfig;
  seq_len: number;
  vocab_size: number;
  num_puzzle_identifiers: number;
  kind: PuzzleKind;
  rows: number;
  columns: number;
  step: number;
  total_steps: number;
  /** Training time so far. */
  seconds: number;
  sampler: SamplerState;
  exploration: RandomState;
  /** The last evaluation, of this step or an earlier one. */
  evaluated: LastEvaluation | null;
  /** It was written while an evaluation was under way, which comes first when the run goes on. */
  evaluation_due: boolean;
  /**
   * It came from elsewhere and has weights only (and their averages, where the config has any): moments, latents and carry
   * are not in the file and begin anew.
   */
  weights_only?: boolean;
  /** Formats that tensors came in where it was not float32, by name: an export writes them so again. */
  dtypes?: Record<string, WeightDtype>;
}

const count = z.number().int().min(0);
const random = z.tuple([z.number(), z.number(), z.number(), z.number()]);

/** Everything but the config, whose faults have sentences of their own. */
const Facts = z.looseObject({
  seq_len: count.min(1),
  vocab_size: count.min(1),
  num_puzzle_identifiers: count,
  kind: z.enum(['arc', 'sudoku', 'maze']),
  rows: count,
  columns: count,
  step: count,
  total_steps: count,
  seconds: z.number().min(0),
  sampler: z.looseObject({
    iteration: count,
    path: count.optional(),
    epoch: count,
    position: count,
    random,
  }),
  exploration: random,
  evaluated: z.looseObject({ step: count, exact_accuracy: z.number().nullable() }).nullish(),
  evaluation_due: z.boolean().optional(),
});

/** @throws StudioError `damaged` or `newer_version` */
export function readDescription(path: string, text: string): CheckpointMeta {
  const damaged = (how: string) => new StudioError('damaged', `${path}: ${how}. Use another checkpoint of the run.`);
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    throw damaged('its description is not JSON');
  }
  const schema = schemaVersion(said);
  if (schema === null) throw damaged('its description does not say which format it has');
  if (schema > SCHEMA) {
    throw new StudioError(
      'newer_version',
      `${path} was written by a later TRM Studio (format ${schema}): update TRM Studio to use it.`,
    );
  }
  const meta = said as CheckpointMeta;
  if (!('config' in meta)) throw damaged('its description has no config');
  const [issue] = checkConfig(meta.config);
  if (issue) throw new StudioError('damaged', `${path}: its config is not valid here. ${issue.message}`);
  const facts = Facts.safeParse(meta);
  if (!facts.success) throw damaged(`its description has no valid "${facts.error.issues[0].path.join('.')}"`);
  return { ...meta, config: TrainConfigSchema.parse(meta.config) };
}
