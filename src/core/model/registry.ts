/** Every architecture by its `arch.name`. */
import { StudioError } from '../../shared/errors';
import type { Architecture } from './architecture';
import { hrm } from './hrm';
import { transformersBaseline } from './transformers-baseline';
import { trm } from './trm';
import { trmHier6 } from './trm-hier6';
import { trmSingleZ } from './trm-singlez';

const ARCHITECTURES: readonly Architecture[] = [trm, trmSingleZ, trmHier6, hrm, transformersBaseline];

/** @throws StudioError `bad_input` if no architecture has this name. */
export function architectureOf(name: string): Architecture {
  const found = ARCHITECTURES.find((a) => a.name === name);
  if (found) return found;
  const known = ARCHITECTURES.map((a) => a.name).join(', ');
  throw new StudioError('bad_input', `arch.name is "${name}", which this version does not have: use ${known}.`);
}
