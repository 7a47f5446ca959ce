/** Models that ship with the app: a starter becomes a run with a checkpoint when it is first used. */
import { z } from 'zod';
import type { PuzzleKind } from '../arc';
import { STARTER_NAMES, type StarterName } from '../starters';
import type { RunSummary } from './runs';
import { method, none } from './method';

export interface StarterInfo {
  name: StarterName;
  title: string;
  summary: string;
  provenance: string;
  kind: PuzzleKind;
  /** Its run, where it is installed. */
  run: string | null;
}

export const starterMethods = {
  'starters.list': method<StarterInfo[]>()(none),
  /** Builds its dataset (seconds) and imports it; a second call gives the same run. */
  'starters.install': method<RunSummary>()(z.strictObject({ name: z.enum(STARTER_NAMES) })),
} as const;
