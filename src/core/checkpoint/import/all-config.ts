/**
 * `all_config.yaml`, which the reference writes beside its checkpoints: `yaml.dump(config.model_dump())` of its pydantic
 * config (reference.md §5 and §8). Read as pydantic would, with its defaults for what is missing; written so that its
 * config accepts it and its model gets every key that it needs. `studio.*` is ours: never written to it, and taken where it
 * stands (`trm train --print-config > FILE`).
 */
import { defaultConfig, type TrainConfig } from '../../../shared/config';
import { checkConfig, configFields, getPath, setPath, type ConfigField } from '../../../shared/config-fields';
import { StudioError } from '../../../shared/errors';
import { nearest } from '../../../shared/nearest';
import { Float, readYaml, writeYaml, type Writable, type YamlValue } from './python-yaml';

export const ALL_CONFIG = 'all_config.yaml';

export interface AllConfig {
  config: TrainConfig;
  /** Dotted keys that the file itself sets, in its order; all others have the reference's defaults. */
  given: string[];
  /** What was read otherwise than it stands, in sentences. */
  notes: string[];
}

type Section = { [key: string]: YamlValue };

/** Keys without a default in the reference's PretrainConfig. */
const REQUIRED = [
  'data_paths',
  'global_batch_size',
  'epochs',
  'lr',
  'lr_min_ratio',
  'lr_warmup_steps',
  'weight_decay',
  'beta1',
  'beta2',
  'puzzle_emb_lr',
  'puzzle_emb_weight_decay',
];

/** Where PretrainConfig's own defaults differ from cfg_pretrain.yaml's, which are ours. */
const PYDANTIC_DEFAULTS: Readonly<Record<string, YamlValue>> = {
  evaluators: [],
  checkpoint_every_eval: false,
  eval_interval: null,
};

interface ModelKeys {
  /** Without a default in the model's config class. */
  required: readonly string[];
  /** With one, and in the architecture's file in config/arch: always written. */
  usual: Readonly<Record<string, YamlValue>>;
}

const HALTING = ['halt_max_steps', 'halt_exploration_prob'];
const TRANSFORMER = ['hidden_size', 'expansion', 'num_heads', 'pos_encodings'];
const RECURSIVE = ['H_cycles', 'L_cycles', 'H_layers', 'L_layers', ...TRANSFORMER, ...HALTING];

const HRM: ModelKeys = {
  required: RECURSIVE,
  usual: { puzzle_emb_ndim: 0, forward_dtype: 'bfloat16', mlp_t: false },
};
const TRM: ModelKeys = {
  required: RECURSIVE,
  usual: { ...HRM.usual, puzzle_emb_len: 16, no_ACT_continue: true },
};
const BASELINE: ModelKeys = {
  required: ['H_cycles', 'H_layers', ...TRANSFORMER, ...HALTING],
  usual: { puzzle_emb_ndim: 0 },
};

/** By the module that the name begins with: `recursive_reasoning.trm@…`. */
function modelKeys(name: string): ModelKeys {
  const module = name.split('@')[0].split('.').pop();
  if (module === 'hrm') return HRM;
  return module === 'transformers_baseline' ? BASELINE : TRM;
}

/** What the first HRM repository calls the same model. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  'hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1': 'recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1',
};

/**
 * @param name what the sentences call the file
 * @throws StudioError `bad_input` or `too_large`, one sentence: no YAML, an unknown key (with the nearest), a missing key
 *   without which a checkpoint means nothing, a value of the wrong kind
 */
export function parseAllConfig(text: string, name: string = ALL_CONFIG): AllConfig {
  const root = readYaml(text, name);
  const fail = (why: string): never => {
    throw new StudioError('bad_input', `${name}: ${why}`);
  };
  if (!isSection(root)) return fail('it is no config, which has a key and a value in each line.');
  if ('defaults' in root) {
    return fail(
      'it is hydra’s own config with a list of defaults: take the all_config.yaml that a run wrote next to its checkpoints.',
    );
  }
  const { arch } = root;
  if (!isSection(arch) || typeof arch.name !== 'string') {
    return fail('arch.name is missing: it has to say which architecture the checkpoint is of.');
  }
  const notes: string[] = [];
  const known = OLD_NAMES[arch.name];
  if (known) {
    notes.push(`arch.name ${arch.name} is read as ${known}, the same model.`);
    arch.name = known;
  }
  const keys = modelKeys(arch.name);
  const missing =
    REQUIRED.find((key) => !(key in root)) ??
    prefixed(keys.required.find((key) => !(key in arch))) ??
    (isSection(arch.loss) && typeof arch.loss.name === 'string' ? undefined : 'arch.loss.name');
  if (missing) return fail(`${missing} is missing: the reference needs it, so this file is not whole.`);

  const fields = new Map(configFields().map((field) => [field.path, field]));
  let config: unknown = defaultConfig();
  for (const [key, value] of Object.entries(PYDANTIC_DEFAULTS)) config = setPath(config, key, value);
  for (const [key, value] of Object.entries(keys.usual)) config = setPath(config, `arch.${key}`, value);
  const given: string[] = [];
  for (const [path, value] of leaves(root, '', fields)) {
    const field = fields.get(path);
    if (!field) {
      const close = nearest(path, [...fields.keys()]);
      return fail(
        `${path} is not a config key${close ? `: did you mean ${close}?` : ' of the reference: take the line out.'}`,
      );
    }
    config = setPath(config, path, coerced(field, value));
    given.push(path);
  }
  const [issue] = checkConfig(config);
  if (issue) return fail(issue.message);
  return { config: config as TrainConfig, given, notes };
}

const prefixed = (key: string | undefined): string | undefined => (key === undefined ? undefined : `arch.${key}`);

const isSection = (value: YamlValue | undefined): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Dotted keys with their values, down to the fields of the config; a section where a field belongs stays whole. */
function leaves(section: Section, prefix: string, fields: ReadonlyMap<string, ConfigField>): [string, YamlValue][] {
  return Object.entries(section).flatMap(([key, value]): [string, YamlValue][] => {
    const path = prefix ? `${prefix}.${key}` : key;
    const isGroup = [...fields.keys()].some((field) => field.startsWith(`${path}.`));
    return isGroup && isSection(value) ? leaves(value, path, fields) : [[path, value]];
  });
}

/** Text that means a number or a boolean, as pydantic takes it. What fits nothing stays, and is refused with its value. */
function coerced(field: ConfigField, value: YamlValue): YamlValue {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (field.type === 'integer' || field.type === 'number') {
    return /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : value;
  }
  if (typeof field.default === 'boolean') {
    if (/^(true|yes|on|t|y|1)$/i.test(text)) return true;
    if (/^(false|no|off|f|n|0)$/i.test(text)) return false;
  }
  return value;
}

/** The file's text. Whole numbers of the arch section are written as integers, as hydra passes them on. */
export function formatAllConfig(config: TrainConfig): string {
  const root: { [key: string]: Writable } = {};
  const { required, usual } = modelKeys(config.arch.name);
  for (const field of configFields()) {
    const { path } = field;
    if (path.startsWith('studio.')) continue;
    const value = getPath(config, path) as Writable;
    const key = /^arch\.(\w+)$/.exec(path)?.[1];
    if (key !== undefined && key !== 'name' && !required.includes(key) && !(key in usual)) {
      // Keys of newer models only where they say something: an older clone of the reference may not know them.
      if (value === field.default) continue;
    }
    const real = field.type === 'number' && typeof value === 'number' && key === undefined;
    put(root, path.split('.'), real ? new Float(value) : value);
  }
  return writeYaml(root);
}

function put(root: { [key: string]: Writable }, path: readonly string[], value: Writable): void {
  const [head, ...rest] = path;
  if (!rest.length) root[head] = value;
  else put((root[head] ??= {}) as { [key: string]: Writable }, rest, value);
}
