/** The config schema, walked: what the form draws, what the command line accepts, and what is wrong with a value. */
import { z } from 'zod';
import { ARCHITECTURES, headSize, HIER6_LATENTS, mixesBySwiglu, reads } from './architectures';
import { TrainConfigSchema, type FieldInfo, type TrainConfig } from './config';
import { StudioError } from './errors';
import { nearest } from './nearest';

export interface ConfigField extends FieldInfo {
  /** Dotted key, as on the command line: `arch.L_cycles`. */
  path: string;
  type: 'integer' | 'number' | 'boolean' | 'choice' | 'text' | 'list';
  nullable: boolean;
  min?: number;
  max?: number;
  options?: readonly string[];
  default: unknown;
}

export interface ConfigIssue {
  path: string;
  /** One sentence with the value and what is allowed. */
  message: string;
}

interface Unwrapped {
  schema: z.ZodType;
  nullable: boolean;
  info: FieldInfo | undefined;
  fallback: unknown;
}

function unwrap(schema: z.ZodType): Unwrapped {
  let current = schema;
  let nullable = false;
  let info = z.globalRegistry.get(current) as FieldInfo | undefined;
  let fallback: unknown;
  for (;;) {
    const own = z.globalRegistry.get(current) as FieldInfo | undefined;
    info = info?.group ? info : own;
    if (current instanceof z.ZodDefault || current instanceof z.ZodPrefault) {
      fallback = current.def.defaultValue;
      current = current.def.innerType as z.ZodType;
    } else if (current instanceof z.ZodNullable) {
      nullable = true;
      current = current.def.innerType as z.ZodType;
    } else {
      return { schema: current, nullable, info, fallback };
    }
  }
}

function walk(schema: z.ZodObject, prefix: string, fields: ConfigField[]): void {
  for (const [key, value] of Object.entries(schema.shape)) {
    const path = prefix ? `${prefix}.${key}` : key;
    const { schema: inner, nullable, info, fallback } = unwrap(value as z.ZodType);
    if (inner instanceof z.ZodObject) {
      walk(inner, path, fields);
      continue;
    }
    if (!info?.group) throw new Error(`config field ${path} has no description`);
    const field: ConfigField = { ...info, path, nullable, default: fallback, type: 'text' };
    if (inner instanceof z.ZodNumber) {
      field.type = inner.isInt ? 'integer' : 'number';
      field.min = inner.minValue ?? undefined;
      field.max = inner.maxValue ?? undefined;
    } else if (inner instanceof z.ZodBoolean) {
      field.type = 'boolean';
    } else if (inner instanceof z.ZodEnum) {
      field.type = 'choice';
      field.options = inner.options as string[];
    } else if (inner instanceof z.ZodLiteral) {
      field.type = 'choice';
      field.options = [...inner.def.values].map(String);
    } else if (inner instanceof z.ZodArray) {
      field.type = 'list';
    }
    fields.push(field);
  }
}

let cached: ConfigField[] | undefined;
/** Every field of the config, in the schema's order. */
export function configFields(): readonly ConfigField[] {
  if (!cached) {
    cached = [];
    walk(TrainConfigSchema, '', cached);
  }
  return cached;
}

export function getPath(config: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], config);
}

/** A copy of `config` with `path` set; parts on the way are created. */
export function setPath<T>(config: T, path: string, value: unknown): T {
  const [head, ...rest] = path.split('.');
  const base = (config ?? {}) as Record<string, unknown>;
  return { ...base, [head]: rest.length ? setPath(base[head], rest.join('.'), value) : value } as T;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  // JSON would print NaN and Infinity as null.
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
}

function describe(field: ConfigField, value: unknown): string {
  const unit = field.unit ? ` ${field.unit}` : '';
  switch (field.type) {
    case 'integer':
      return `${field.path} is ${shown(value)}: use a whole number from ${field.min} to ${field.max}${unit}.`;
    case 'number':
      return `${field.path} is ${shown(value)}: use a number from ${field.min} to ${field.max}${unit}.`;
    case 'boolean':
      return `${field.path} is ${shown(value)}: use true or false.`;
    case 'choice':
      return `${field.path} is ${shown(value)}: use ${(field.options ?? []).join(' or ')}.`;
    case 'list':
      return `${field.path} is ${shown(value)}: use a list.`;
    case 'text':
      return `${field.path} is ${shown(value)}: use text.`;
  }
}

/** Rules between the keys of the arch section. */
function archIssues(arch: TrainConfig['arch']): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const { name, hidden_size: D, num_heads, puzzle_emb_ndim, puzzle_emb_len, pos_encodings } = arch;
  const refuse = (key: string, value: unknown, why: string) =>
    issues.push({ path: `arch.${key}`, message: `arch.${key} is ${shown(value)}: ${why}` });
  const d = headSize(arch);
  if (!mixesBySwiglu(arch) && d === 0) {
    refuse('num_heads', num_heads, `at most one head for each of hidden_size’s ${D} numbers.`);
  } else if (!mixesBySwiglu(arch) && pos_encodings === 'rope' && d % 2 !== 0) {
    refuse('num_heads', num_heads, `rotary positions need an even head size, and floor(${D} / ${num_heads}) is ${d}.`);
  } else if (!mixesBySwiglu(arch) && pos_encodings === 'rope2d' && d % 4 !== 0) {
    const why = `rope2d needs a head size that 4 divides, and floor(${D} / ${num_heads}) is ${d}.`;
    refuse('num_heads', num_heads, why);
  }
  if (reads(name, 'puzzle_emb_len') && puzzle_emb_len > 0 && puzzle_emb_ndim > puzzle_emb_len * D) {
    refuse('puzzle_emb_ndim', puzzle_emb_ndim, `at most puzzle_emb_len · hidden_size = ${puzzle_emb_len * D}.`);
  }
  const { preset, title } = ARCHITECTURES[name];
  if (preset === 'trm_hier6' && arch.L_cycles > HIER6_LATENTS) {
    refuse('L_cycles', arch.L_cycles, `${title} has ${HIER6_LATENTS} low latents, so at most ${HIER6_LATENTS}.`);
  }
  if (reads(name, 'H_layers') && arch.H_layers < 1) {
    refuse('H_layers', arch.H_layers, `${title} needs at least 1 block in its H level.`);
  }
  if (arch.mlp_t && !reads(name, 'mlp_t')) refuse('mlp_t', true, `${title} has attention only; set it to false.`);
  return issues;
}

/** Rules that join several fields, each told beside the field that one would change first. */
export function crossFieldIssues(config: TrainConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  issues.push(...archIssues(config.arch));
  if (config.freeze_weights && config.arch.puzzle_emb_ndim === 0) {
    issues.push({
      path: 'freeze_weights',
      message: 'freeze_weights is true and arch.puzzle_emb_ndim is 0: nothing would learn; set one of them otherwise.',
    });
  }
  const every = config.eval_interval;
  if (every !== null && config.epochs % every !== 0) {
    issues.push({
      path: 'eval_interval',
      message: `eval_interval is ${every}: it must divide epochs, which is ${config.epochs}.`,
    });
  }
  return issues;
}

/** Everything that is wrong with `input`, in the schema's order; empty if it is a config. Values are never coerced. */
export function checkConfig(input: unknown): ConfigIssue[] {
  const parsed = TrainConfigSchema.safeParse(input);
  if (parsed.success) return crossFieldIssues(parsed.data);
  const byPath = new Map(configFields().map((field) => [field.path, field]));
  const known = [...byPath.keys()];
  const issues: ConfigIssue[] = [];
  for (const issue of parsed.error.issues) {
    const at = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const path = at ? `${at}.${key}` : key;
        const close = nearest(path, known);
        issues.push({ path, message: `${path} is not a config key${close ? `: did you mean ${close}?` : '.'}` });
      }
      continue;
    }
    const field = byPath.get(at) ?? byPath.get(issue.path.slice(0, -1).join('.'));
    issues.push({
      path: at,
      message: field ? describe(field, getPath(input, at)) : `${at || 'config'}: ${issue.message}.`,
    });
  }
  return issues;
}

/** @throws StudioError `bad_input` with the first issue's sentence and all of them in `data.issues`. */
export function parseConfig(input: unknown): TrainConfig {
  const issues = checkConfig(input);
  if (issues.length) throw new StudioError('bad_input', issues[0].message, { issues });
  return TrainConfigSchema.parse(input);
}

/** The dotted keys at which two configs differ, in the schema's order. */
export function configDiff(a: TrainConfig, b: TrainConfig): string[] {
  return configFields()
    .map((field) => field.path)
    .filter((path) => JSON.stringify(getPath(a, path)) !== JSON.stringify(getPath(b, path)));
}
