/** `--rollouts K --noise σ`, for whatever answers. */
import { CHOICES, MOST_NOISE, MOST_PATHS, RolloutsSchema, type Rollouts } from '../shared/rollouts';
import { oneOf, positive, UsageError, wholeNumber } from './usage';

export interface RolloutFlags {
  rollouts?: string;
  noise?: string;
  choose?: string;
  noiseSeed?: string;
}

/** Null where neither --rollouts nor --noise is given. @throws UsageError */
export function rolloutsOf({ rollouts, noise, choose, noiseSeed }: RolloutFlags): Rollouts | null {
  if (rollouts === undefined && noise === undefined) {
    if (choose === undefined && noiseSeed === undefined) return null;
    const option = choose === undefined ? '--noise-seed' : '--choose';
    throw new UsageError(`${option} goes with --rollouts: without it there is one path, and no noise.`);
  }
  const deviation = noise === undefined ? undefined : positive(noise, '--noise');
  if (deviation !== undefined && deviation > MOST_NOISE) {
    throw new UsageError(`--noise is ${noise}: use a number up to ${MOST_NOISE}.`);
  }
  return RolloutsSchema.parse({
    paths: rollouts === undefined ? undefined : wholeNumber(rollouts, '--rollouts', 2, MOST_PATHS),
    noise: deviation,
    choose: choose === undefined ? undefined : oneOf('--choose', choose, CHOICES),
    seed: noiseSeed === undefined ? undefined : wholeNumber(noiseSeed, '--noise-seed', 0, 2_147_483_647),
  });
}
