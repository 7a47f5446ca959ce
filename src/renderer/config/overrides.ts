import type { TrainConfig } from '@shared/config';
import { layerConfig } from '@shared/config-layers';
import { getPath, type ConfigIssue } from '@shared/config-fields';
import { StudioError } from '@shared/errors';
import { pastedCommand } from '@shared/hydra/command';
import { parseOverride, type ParsedOverride } from '@shared/hydra/overrides';
import { hydraText, shellWord } from '@shared/hydra/quote';
import { ARCHITECTURES, archOfPreset } from '@shared/architectures';

export interface ParsedOverrides {
  /** To be set on what the form has. */
  values: { path: string; value: unknown }[];
  /**
   * The whole config that the text means where it is a command line of its own (it names a preset or an architecture):
   * from the reference's defaults, whatever the form has.
   */
  whole: { config: TrainConfig; preset: string | null } | null;
  issues: ConfigIssue[];
  notes: string[];
}

/**
 * A command line of the reference or of ours, or overrides alone. Unknown keys are issues with the nearest known key; values
 * of overrides alone are checked by the form.
 */
export function parseOverrides(text: string): ParsedOverrides {
  const parsed: ParsedOverrides = { values: [], whole: null, issues: [], notes: [] };
  const attempt = (path: string, work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof StudioError)) throw error;
      parsed.issues.push({ path, message: error.message });
    }
  };
  if (!text.trim()) return parsed;
  attempt('', () => {
    const { preset, overrides, notes } = pastedCommand(text);
    parsed.notes.push(...notes);
    const set: ParsedOverride[] = [];
    for (const override of overrides) attempt(override, () => set.push(...parseOverride(override)));
    const arch = set.filter((o) => o.kind === 'arch');
    for (const o of arch) {
      const name = archOfPreset(o.name);
      if (name) {
        const values = Object.entries({ name, ...ARCHITECTURES[name].preset_values });
        parsed.values.push(...values.map(([key, value]) => ({ path: `arch.${key}`, value })));
      }
    }
    for (const o of set) {
      if (o.kind === 'set') parsed.values.push({ path: o.field.path, value: o.value });
      if (o.kind === 'remove') parsed.values.push({ path: o.field.path, value: o.field.default });
      if (o.kind === 'none') parsed.notes.push(`${o.text} is about hydra itself and means nothing here.`);
    }
    if (parsed.issues.length || (preset === null && !arch.length)) return;
    attempt('', () => (parsed.whole = { config: layerConfig({ preset, overrides }).config, preset }));
  });
  return parsed;
}

/** `trm train --preset arc-small lr=3e-4`: the command that starts the same run. */
export function commandLine(preset: string, config: TrainConfig, changed: readonly string[]): string {
  const overrides = changed.map((path) => shellWord(`${path}=${hydraText(getPath(config, path))}`));
  return ['trm train', `--preset ${preset}`, ...overrides].join(' ');
}
