/**
 * A training config put together from layers, with the origin of every value: the reference's defaults, its file for the
 * architecture, a preset, an all_config.yaml, overrides, options, the dataset. Later layers win.
 */
import { parseOverride, type ParsedOverride } from './hydra/overrides';
import { ARCH_PRESETS, ARCHITECTURES, archOfPreset, type ArchName } from './architectures';
import { defaultConfig, type TrainConfig } from './config';
import { configFields, getPath, parseConfig, setPath } from './config-fields';
import { StudioError } from './errors';
import { nearest } from './nearest';
import { findPreset, presetConfig } from './presets';

export interface Origin {
  from: 'default' | 'arch' | 'preset' | 'file' | 'override' | 'option' | 'dataset';
  /** The preset's or architecture's name, the file's, or the override as it was written. */
  text: string;
}

export interface LayeredConfig {
  config: TrainConfig;
  /** By dotted key; what is not in it is a default. */
  origins: ReadonlyMap<string, Origin>;
  /** What was left out, in sentences. */
  notes: string[];
}

export interface ConfigLayers {
  preset?: string | null;
  /** A config read from a file, and the keys that it sets. */
  file?: { name: string; config: TrainConfig; given: readonly string[] } | null;
  overrides?: readonly string[];
}

/** What the reference's pydantic config has without the key, where that is not what its hydra config says. */
const WITHOUT: Readonly<Record<string, unknown>> = {
  data_paths_test: [],
  evaluators: [],
  checkpoint_every_eval: false,
  eval_interval: null,
  'arch.puzzle_emb_ndim': 0,
};
/** Keys without which the reference does not start. */
const NEEDED =
  /^(data_paths|global_batch_size|epochs|lr.*|weight_decay|beta[12]|puzzle_emb_lr|puzzle_emb_weight_decay|arch\.(name|loss\.name|[HL]_.*|halt_.*|hidden_size|num_heads|expansion|pos_encodings))$/;

/** @throws StudioError `bad_input` or `not_found`, one sentence: an unknown preset, architecture or key, a value that does not fit */
export function layerConfig({ preset = null, file = null, overrides = [] }: ConfigLayers): LayeredConfig {
  const parsed = overrides.flatMap((text) => parseOverride(text));
  const layers = new Layers();
  const arch = lastArch(parsed);
  // A preset of the same architecture is more special than it; of another one, its sizes do not carry over.
  const other = preset !== null && arch !== null && presetConfig(preset).arch.name !== archName(arch.name);
  if (!other) layers.architecture(arch);
  if (preset !== null) layers.preset(preset);
  if (other) layers.architecture(arch);
  if (file) layers.file(file, parsed);
  const { follows } = layers;
  const touched = new Set<string>();
  for (const override of parsed) {
    layers.override(override);
    if (override.kind === 'set' || override.kind === 'remove') touched.add(override.field.path);
  }
  if (follows && touched.has('arch.hidden_size') && !touched.has('arch.puzzle_emb_ndim')) {
    const width = getPath(layers.config, 'arch.hidden_size');
    layers.set('arch.puzzle_emb_ndim', width, { from: 'override', text: 'follows arch.hidden_size' });
  }
  return { config: parseConfig(layers.config), origins: layers.origins, notes: layers.notes };
}

type ArchOverride = Extract<ParsedOverride, { kind: 'arch' }>;

const lastArch = (overrides: readonly ParsedOverride[]): ArchOverride | null =>
  overrides.filter((o): o is ArchOverride => o.kind === 'arch').pop() ?? null;

/** @throws StudioError `bad_input`, naming the nearest */
function archName(preset: string): ArchName {
  const name = archOfPreset(preset);
  if (name) return name;
  const close = nearest(preset, ARCH_PRESETS);
  throw new StudioError(
    'bad_input',
    `There is no architecture "${preset}": ${close ? `did you mean ${close}?` : `use one of ${ARCH_PRESETS.join(', ')}.`}`,
  );
}

class Layers {
  config: unknown = defaultConfig();
  readonly origins = new Map<string, Origin>();
  readonly notes: string[] = [];

  set(path: string, value: unknown, origin: Origin): void {
    this.config = setPath(this.config, path, value);
    this.origins.set(path, origin);
  }

  /** `arch=NAME`: hydra takes the architecture's file first, wherever it stands on the line. */
  architecture(override: ArchOverride | null): void {
    if (!override) return;
    const name = archName(override.name);
    const values: Record<string, unknown> = { ...defaultConfig().arch, ...ARCHITECTURES[name].preset_values, name };
    delete values.loss;
    for (const [key, value] of Object.entries(values))
      this.set(`arch.${key}`, value, { from: 'arch', text: override.name });
  }

  preset(name: string): void {
    for (const { path, value } of findPreset(name).overrides) this.set(path, value, { from: 'preset', text: name });
  }

  file({ name, config, given }: NonNullable<ConfigLayers['file']>, overrides: readonly ParsedOverride[]): void {
    const arch = lastArch(overrides);
    if (arch && archName(arch.name) !== config.arch.name) {
      const own = ARCHITECTURES[config.arch.name].preset;
      throw new StudioError(
        'bad_input',
        `${arch.text} does not fit ${name}, whose architecture is ${own}: leave one of them out.`,
      );
    }
    // What the file leaves out, it has the reference's defaults for: they are the file's too.
    for (const { path } of configFields()) {
      if (path.startsWith('studio.') && !given.includes(path)) continue;
      this.set(path, getPath(config, path), { from: 'file', text: name });
    }
  }

  override(override: ParsedOverride): void {
    const origin: Origin = { from: 'override', text: override.text };
    switch (override.kind) {
      case 'arch':
        return;
      case 'none':
        this.notes.push(`${override.text} is about hydra itself and means nothing here.`);
        return;
      case 'set':
        return this.set(override.field.path, override.value, origin);
      case 'remove': {
        const { path } = override.field;
        if (NEEDED.test(path)) {
          throw new StudioError(
            'bad_input',
            `${override.text} takes out ${path}, which has to have a value: set it instead.`,
          );
        }
        this.set(path, path in WITHOUT ? WITHOUT[path] : override.field.default, origin);
      }
    }
  }

  /** In the reference's arch files puzzle_emb_ndim is `${.hidden_size}`: where they are equal, it follows. */
  get follows(): boolean {
    return getPath(this.config, 'arch.puzzle_emb_ndim') === getPath(this.config, 'arch.hidden_size');
  }
}
