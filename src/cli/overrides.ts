/** `KEY=VALUE` as the reference's command line takes them, laid over a config. */
import type { TrainConfig } from '../shared/config';
import { configFields, getPath, parseConfig, setPath, type ConfigField } from '../shared/config-fields';
import { StudioError } from '../shared/errors';
import { nearest } from '../shared/nearest';
import { parseHydraValue, type HydraValue } from './hydra-value';
import { UsageError } from './usage';

/** `arch=NAME` of the reference's config/arch folder; this version trains one of them. */
const ARCHITECTURES = ['trm', 'trm_singlez', 'trm_hier6', 'hrm', 'transformers_baseline'];

/**
 * @param base the defaults, or a preset's config
 * @throws UsageError for text that is no override, an unknown key or a value that does not fit: the sentence names the
 *   nearest key or what is allowed
 */
export function applyOverrides(base: TrainConfig, overrides: readonly string[]): TrainConfig {
  let config: unknown = base;
  const given = new Set<string>();
  for (const override of overrides) {
    const { key, text } = split(override);
    if (key === 'arch') {
      chooseArchitecture(text);
      continue;
    }
    const field = findField(key);
    config = setPath(config, field.path, valueFor(field, text, override));
    given.add(field.path);
  }
  // In the reference's arch files puzzle_emb_ndim is `${.hidden_size}`: it follows unless it is set itself.
  const { hidden_size, puzzle_emb_ndim } = base.arch;
  if (given.has('arch.hidden_size') && !given.has('arch.puzzle_emb_ndim') && puzzle_emb_ndim === hidden_size) {
    config = setPath(config, 'arch.puzzle_emb_ndim', getPath(config, 'arch.hidden_size'));
  }
  try {
    return parseConfig(config);
  } catch (error) {
    if (error instanceof StudioError) throw new UsageError(error.message);
    throw error;
  }
}

/** `+key` adds and `++key` forces in hydra; every key of ours exists, so both just set. */
function split(override: string): { key: string; text: string } {
  const at = override.indexOf('=');
  const key = (at < 0 ? override : override.slice(0, at)).trim().replace(/^\+{1,2}/, '');
  if (at < 0 || key === '' || key.startsWith('~')) {
    throw new UsageError(`"${override}" is not KEY=VALUE, such as lr=1e-4 or arch.L_cycles=4.`);
  }
  return { key, text: override.slice(at + 1) };
}

function findField(key: string): ConfigField {
  const fields = configFields();
  const field = fields.find((f) => f.path === key);
  if (field) return field;
  const close = nearest(
    key,
    fields.map((f) => f.path),
  );
  throw new UsageError(`${key} is not a config key${close ? `: did you mean ${close}` : ''}?`);
}

function chooseArchitecture(text: string): void {
  const name = text.trim();
  if (name === 'trm') return;
  if (ARCHITECTURES.includes(name))
    throw new UsageError(`arch=${name} is not there yet: this version trains arch=trm.`);
  const close = nearest(name, ARCHITECTURES);
  throw new UsageError(`There is no architecture "${name}"${close ? `: did you mean ${close}?` : ': use arch=trm.'}`);
}

function valueFor(field: ConfigField, text: string, override: string): HydraValue {
  // A name is a name, also where it looks like a number; null still empties it.
  if (field.type === 'text' && !/^\s*(null|["'[{])/i.test(text)) return text.trim();
  try {
    return parseHydraValue(text);
  } catch (error) {
    throw new UsageError(`"${override}" cannot be read: ${(error as Error).message}.`);
  }
}
