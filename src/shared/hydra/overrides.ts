/**
 * `KEY=VALUE` as the reference's command line takes them (hydra's override grammar without sweeps, functions and
 * interpolations), each as what it sets.
 */
import { configFields, type ConfigField } from '../config-fields';
import { StudioError } from '../errors';
import { nearest } from '../nearest';
import { parseHydraValue, type HydraValue } from './value';

export type ParsedOverride =
  | { kind: 'arch'; name: string; text: string }
  | { kind: 'set'; field: ConfigField; value: HydraValue; text: string }
  /** `~key`: back to what the reference has without the key. */
  | { kind: 'remove'; field: ConfigField; text: string }
  /** A key of hydra itself, which has no meaning here. */
  | { kind: 'none'; text: string };

const fail = (message: string): never => {
  throw new StudioError('bad_input', message);
};

/**
 * A section given as a dictionary (`arch.loss={name: x, loss_type: y}`) becomes one part per key.
 * @throws StudioError `bad_input`: text that is no override, an unknown key (with the nearest), a value that cannot be read
 */
export function parseOverride(text: string): ParsedOverride[] {
  const at = text.indexOf('=');
  const [, sign, key] = /^(\+{0,2}|~)([^~+].*)?$/.exec((at < 0 ? text : text.slice(0, at)).trim()) ?? [];
  if (!key || (at < 0 && sign !== '~')) {
    return fail(`"${short(text)}" is not KEY=VALUE, such as lr=1e-4 or arch.L_cycles=4.`);
  }
  if (/^hydra[./@]/.test(key)) return [{ kind: 'none', text }];
  if (sign === '~') return [{ kind: 'remove', field: findField(key), text }];
  const raw = text.slice(at + 1);
  if (key === 'arch' && !/^\s*\{/.test(raw)) return [{ kind: 'arch', name: unquoted(raw), text }];
  const sections = configFields().some((field) => field.path.startsWith(`${key}.`));
  if (!sections) {
    const field = findField(key);
    return [{ kind: 'set', field, value: valueFor(field, raw, text), text }];
  }
  const value = hydraValue(raw, text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fail(`${key} is a section: set one of its keys, such as ${exampleOf(key)}=….`);
  }
  return leaves(value, key).map(([path, leaf]) => ({ kind: 'set', field: findField(path), value: leaf, text }));
}

/** Longer than any key: no name is near to it. */
const LONGEST_KEY = 200;
/** As much of a pasted text as a sentence takes. */
const short = (text: string): string => (text.length > 100 ? `${text.slice(0, 99)}…` : text);

const exampleOf = (section: string): string =>
  configFields().find((field) => field.path.startsWith(`${section}.`))?.path ?? section;

function leaves(section: { [key: string]: HydraValue }, prefix: string): [string, HydraValue][] {
  return Object.entries(section).flatMap(([key, value]): [string, HydraValue][] => {
    const path = `${prefix}.${key}`;
    const nested = configFields().some((field) => field.path.startsWith(`${path}.`));
    return nested && typeof value === 'object' && value !== null && !Array.isArray(value)
      ? leaves(value, path)
      : [[path, value]];
  });
}

function findField(key: string): ConfigField {
  if (key.length > LONGEST_KEY) return fail(`"${short(key)}" is no config key: it has ${key.length} characters.`);
  const fields = configFields();
  const field = fields.find((f) => f.path === key);
  if (field) return field;
  const close = nearest(
    key,
    fields.map((f) => f.path),
  );
  return fail(`${key} is not a config key${close ? `: did you mean ${close}?` : '.'}`);
}

function valueFor(field: ConfigField, raw: string, text: string): HydraValue {
  // A name is a name, also where it looks like a number; null still empties it, and so does nothing at all.
  if (field.type === 'text' && !/^\s*(null\s*$|["'[{])/i.test(raw)) {
    refuseInterpolation(raw, text);
    return raw.trim() === '' && field.nullable ? null : raw.trim();
  }
  return hydraValue(raw, text);
}

function hydraValue(raw: string, text: string): HydraValue {
  refuseInterpolation(raw, text);
  const bare = raw.trim();
  if (/^\w+\(.*\)$/.test(bare)) return fail(`"${short(text)}" calls a function of hydra: write the value itself.`);
  if (!/^["'[{]/.test(bare) && bare.includes(',')) {
    return fail(`"${short(text)}" has several values: give one, or a list in brackets, such as [a,b].`);
  }
  try {
    return parseHydraValue(raw);
  } catch (error) {
    return fail(`"${short(text)}" cannot be read: ${(error as Error).message}.`);
  }
}

function refuseInterpolation(raw: string, text: string): void {
  if (/\$\{/.test(raw)) fail(`"${short(text)}" refers to another value with \${…}: write the value itself.`);
}

const unquoted = (text: string): string => text.trim().replace(/^(['"])(.*)\1$/, '$2');
