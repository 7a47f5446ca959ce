import type { RunDetail } from '@shared/contract/runs';
import type { TrainConfig } from '@shared/config';
import { configDiff, configFields, getPath } from '@shared/config-fields';
import { PRESETS, presetConfig } from '@shared/presets';
import { formatValue } from '../ui/format';

/** The fields that say most about a run; what was changed joins them. */
const TELLING = [
  'arch.hidden_size',
  'arch.L_layers',
  'arch.H_cycles',
  'arch.L_cycles',
  'arch.halt_max_steps',
  'global_batch_size',
  'epochs',
  'lr',
  'ema',
];

export interface ConfigLine {
  path: string;
  /** The key without its group, as it stands in the paper. */
  key: string;
  value: string;
  changed: boolean;
  /** What the preset says, where it was changed. */
  preset: string | null;
}

/** The preset's config, or null if the run names none that is known (or one that no longer parses). */
export function knownPreset(name: string | null): TrainConfig | null {
  if (!name || !PRESETS.some((preset) => preset.name === name)) return null;
  return presetConfig(name);
}

/** Which keys say where the data lies and how the run is called: they differ for every run without being a change. */
export const BOOKKEEPING: ReadonlySet<string> = new Set([
  'data_paths',
  'data_paths_test',
  'run_name',
  'project_name',
  'checkpoint_path',
]);

export function changedPaths(config: TrainConfig, preset: TrainConfig | null): string[] {
  return preset ? configDiff(config, preset).filter((path) => !BOOKKEEPING.has(path)) : [];
}

const shortKey = (path: string): string => path.replace(/^(arch|studio)\./, '');

/** @param all every field, else the telling ones and the changed ones, in the schema's order. */
export function configLines(run: Pick<RunDetail, 'config' | 'preset'>, all: boolean): ConfigLine[] {
  const preset = knownPreset(run.preset);
  const changed = new Set(changedPaths(run.config, preset));
  return configFields()
    .filter((field) => all || TELLING.includes(field.path) || changed.has(field.path))
    .map(({ path }) => ({
      path,
      key: all ? path : shortKey(path),
      value: formatValue(getPath(run.config, path)),
      changed: changed.has(path),
      preset: changed.has(path) ? formatValue(getPath(preset, path)) : null,
    }));
}
