/** Every architecture by its `arch.name`. */
import { StudioError } from '../../shared/errors';
import type { Architecture } from './architecture';
import { trm } from './trm';

const ARCHITECTURES: readonly Architecture[] = [trm];

/** @throws StudioError `bad_input` if no architecture has this name. */
export function architectureOf(name: string): Architecture {
  const found = ARCHITECTURES.find((a) => a.name === name);
  if (found) return found;
  const known = ARCHITECTURES.map((a) => a.name).join(', ');
  throw new StudioError('bad_input', `arch.name is "${name}", which this version does not have: use ${known}.`);
}
