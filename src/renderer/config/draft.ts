import { ARCHITECTURES, type ArchName } from '@shared/architectures';
import { defaultConfig, type TrainConfig } from '@shared/config';
import { checkConfig, configFields, getPath, setPath, type ConfigIssue } from '@shared/config-fields';
import { PRESETS, presetConfig, type Preset } from '@shared/presets';
import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import { BOOKKEEPING } from './config-lines';

export interface Draft {
  preset: Ref<Preset>;
  /** The preset's config: what changes are measured against. */
  base: ComputedRef<TrainConfig>;
  /** May hold values that are refused; `valid` is the config if none is. */
  values: ShallowRef<Record<string, unknown>>;
  issues: ComputedRef<ConfigIssue[]>;
  issueOf: (path: string) => string | null;
  valid: ComputedRef<TrainConfig | null>;
  changed: ComputedRef<string[]>;
  isChanged: (path: string) => boolean;
  /** Why the preset has this value, or null if it is the reference's default. */
  reasonOf: (path: string) => string | null;
  set(path: string, value: unknown): void;
  revert(path: string): void;
  revertAll(): void;
  choosePreset(name: string, keepChanges?: boolean): void;
  /** Takes a whole config, e.g. that of an earlier run. */
  take(config: TrainConfig, preset: string | null): void;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** A config being written: the form's state, without the form. */
export function useDraft(initialPreset = PRESETS[0].name): Draft {
  const preset = ref(PRESETS.find((p) => p.name === initialPreset) ?? PRESETS[0]) as Ref<Preset>;
  const base = computed(() => presetConfig(preset.value.name));
  const values = shallowRef<Record<string, unknown>>({ ...presetConfig(preset.value.name) });

  const issues = computed(() => checkConfig(values.value));
  const byPath = computed(
    () => new Map([...issues.value].reverse().map((issue) => [fieldPath(issue.path), issue.message])),
  );
  const changed = computed(() =>
    configFields()
      .map((field) => field.path)
      .filter((path) => !BOOKKEEPING.has(path) && !same(getPath(values.value, path), getPath(base.value, path))),
  );
  const changedSet = computed(() => new Set(changed.value));
  const reasons = computed(() => new Map(preset.value.overrides.map(({ path, reason }) => [path, reason])));

  const set = (path: string, value: unknown): void => {
    values.value = setPath(values.value, path, value);
    if (path !== 'arch.name') return;
    for (const [key, own] of Object.entries(depthsOf(value, base.value))) {
      values.value = setPath(values.value, `arch.${key}`, own);
    }
  };

  return {
    preset,
    base,
    values,
    issues,
    issueOf: (path) => byPath.value.get(path) ?? null,
    valid: computed(() => (issues.value.length ? null : (values.value as unknown as TrainConfig))),
    changed,
    isChanged: (path) => changedSet.value.has(path),
    reasonOf: (path) => reasons.value.get(path) ?? null,
    set,
    revert: (path) => set(path, getPath(base.value, path)),
    revertAll: () => (values.value = { ...base.value }),
    choosePreset(name, keepChanges = false) {
      const kept = keepChanges ? changed.value.map((path) => ({ path, value: getPath(values.value, path) })) : [];
      preset.value = PRESETS.find((p) => p.name === name) ?? preset.value;
      values.value = { ...presetConfig(preset.value.name) };
      for (const { path, value } of kept) set(path, value);
    },
    take(config, name) {
      if (name && PRESETS.some((p) => p.name === name)) preset.value = PRESETS.find((p) => p.name === name) as Preset;
      values.value = {
        ...defaultConfig(),
        ...config,
        data_paths: [],
        data_paths_test: [],
        run_name: null,
        checkpoint_path: null,
      };
    },
  };
}

/** Keys whose values belong to the architecture. Heads go with the width, which stays. */
const DEPTHS = ['H_layers', 'L_layers', 'H_cycles', 'L_cycles'] as const;

const pick = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(DEPTHS.filter((key) => key in values).map((key) => [key, values[key]]));

/** What comes with an architecture: what the preset has if that is its own, else what the reference's preset sets. */
function depthsOf(name: unknown, base: TrainConfig): Record<string, unknown> {
  if (!isArchName(name)) return {};
  const known = name === base.arch.name ? base.arch : defaultConfig().arch;
  const own = name === base.arch.name ? {} : ARCHITECTURES[name].preset_values;
  return { ...Object.fromEntries(DEPTHS.map((key) => [key, known[key]])), ...pick(own) };
}

const isArchName = (name: unknown): name is ArchName => typeof name === 'string' && name in ARCHITECTURES;

/** An issue inside a list (`data_paths.0`) belongs to the list's field. */
function fieldPath(path: string): string {
  const known = configFields().map((field) => field.path);
  if (known.includes(path)) return path;
  return known.find((field) => path.startsWith(`${field}.`)) ?? path;
}
