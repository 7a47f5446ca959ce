/** `KEY=VALUE` as the reference's command line takes them, laid over a config. */
import { ARCH_PRESETS, ARCHITECTURES, archOfPreset } from '../shared/architectures';
import { defaultConfig, type TrainConfig } from '../shared/config';
import { configFields, getPath, parseConfig, setPath, type ConfigField } from '../shared/config-fields';
import { StudioError } from '../shared/errors';
import { nearest } from '../shared/nearest';
import { parseHydraValue, type HydraValue } from './hydra-value';
import { UsageError } from './usage';

/**
 * @param base the defaults, or a preset's config
 * @throws UsageError for text that is no override, an unknown key or a value that does not fit: the sentence names the
 *   nearest key or what is allowed
 */
export function applyOverrides(base: TrainConfig, overrides: readonly string[]): TrainConfig {
  const parts = overrides.map((override) => ({ override, ...split(override) }));
  // As in hydra, the group comes first wherever it stands on the line: single keys go on top of it.
  const start = parts.filter(({ key }) => key === 'arch').reduce((c, { text }) => withArchitecture(c, text), base);
  let config: unknown = start;
  const given = new Set<string>();
  for (const { override, key, text } of parts) {
    if (key === 'arch') continue;
    const field = findField(key);
    config = setPath(config, field.path, valueFor(field, text, override));
    given.add(field.path);
  }
  // In the reference's arch files puzzle_emb_ndim is `${.hidden_size}`: it follows unless it is set itself.
  const { hidden_size, puzzle_emb_ndim } = start.arch;
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

/** `arch=NAME` of the reference's config/arch folder: that file's values, unless the config has this architecture already. */
function withArchitecture(config: TrainConfig, text: string): TrainConfig {
  const preset = text.trim();
  const name = archOfPreset(preset);
  if (!name) {
    const close = nearest(preset, ARCH_PRESETS);
    const hint = close ? `did you mean ${close}?` : `use one of ${ARCH_PRESETS.join(', ')}.`;
    throw new UsageError(`There is no architecture "${preset}": ${hint}`);
  }
  if (config.arch.name === name) return config;
  return { ...config, arch: { ...defaultConfig().arch, ...ARCHITECTURES[name].preset_values, name } };
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
