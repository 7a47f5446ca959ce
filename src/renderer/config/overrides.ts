import { ARCH_PRESETS, ARCHITECTURES, archOfPreset } from '@shared/architectures';
import type { TrainConfig } from '@shared/config';
import { configFields, getPath, type ConfigField, type ConfigIssue } from '@shared/config-fields';
import { nearest } from '@shared/nearest';
import { fromText } from './text';

export interface ParsedOverrides {
  values: { path: string; value: unknown }[];
  issues: ConfigIssue[];
}

/**
 * Splits as a shell would: on white space outside of quotes, whose marks go; `\` at a line's end continues it. White
 * space inside brackets does not split either, since lists are often pasted without their quotes.
 */
function words(text: string): string[] {
  const found: string[] = [];
  let word = '';
  let depth = 0;
  let quote = '';
  for (const char of text.replace(/\\\r?\n/g, ' ')) {
    if (quote) {
      if (char !== quote) word += char;
      else quote = '';
      continue;
    }
    if (char === '"' || char === "'") {
      quote = char;
      continue;
    }
    if (char === '[' || char === '{') depth++;
    else if (char === ']' || char === '}') depth--;
    else if (/\s/.test(char) && depth <= 0) {
      if (word) found.push(word);
      word = '';
      continue;
    }
    word += char;
  }
  if (word) found.push(word);
  return found;
}

const unquote = (text: string): string => text.replace(/^(['"])([\s\S]*)\1$/, '$2');

function valueOf(field: ConfigField, text: string): unknown {
  const bare = unquote(text);
  if (field.nullable && (bare === 'null' || bare === 'None')) return null;
  if (field.type === 'boolean') return fromText(field, bare.toLowerCase());
  if (field.type === 'list') {
    const items = bare
      .replace(/^\[|\]$/g, '')
      .split(',')
      .map(unquote)
      .join(',');
    return fromText(field, items);
  }
  return fromText(field, bare);
}

/**
 * The reference's command-line overrides: `arch.L_cycles=4 lr=1e-4 +run_name=x`. `arch=hrm` sets the architecture and
 * what the reference's preset of it sets. Unknown keys are issues with the nearest known key; values are checked by the form.
 */
export function parseOverrides(text: string): ParsedOverrides {
  const fields = new Map(configFields().map((field) => [field.path, field]));
  const parsed: ParsedOverrides = { values: [], issues: [] };
  for (const word of words(text)) {
    const at = word.indexOf('=');
    if (at < 0) {
      // The command itself may have been copied along: `python pretrain.py …`.
      if (/^(python3?|torchrun|trm|train|.*\.py|--?[\w-]+)$/.test(word)) continue;
      parsed.issues.push({ path: word, message: `"${word}" is no override: write key=value.` });
      continue;
    }
    const key = word.slice(0, at).replace(/^\+{1,2}/, '');
    const value = word.slice(at + 1);
    if (key === 'arch') {
      const preset = unquote(value);
      const name = archOfPreset(preset);
      if (!name) {
        parsed.issues.push({ path: key, message: `arch is "${preset}": use one of ${ARCH_PRESETS.join(', ')}.` });
        continue;
      }
      // As in hydra, the group comes before the single keys, wherever it stands.
      const values = Object.entries({ name, ...ARCHITECTURES[name].preset_values });
      parsed.values.unshift(...values.map(([own, set]) => ({ path: `arch.${own}`, value: set })));
      continue;
    }
    const field = fields.get(key);
    if (field) {
      parsed.values.push({ path: key, value: valueOf(field, value) });
    } else if (!/^(hydra|checkpoint_path_dir)\b/.test(key)) {
      const close = nearest(key, [...fields.keys()]);
      parsed.issues.push({
        path: key,
        message: `${key} is not a config key${close ? `: did you mean ${close}` : ''}?`,
      });
    }
  }
  return parsed;
}

function argument(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value))
    return `[${value.map((item) => (typeof item === 'string' ? item : argument(item))).join(',')}]`;
  if (typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}:${argument(item)}`)
      .join(',')}}`;
  }
  return String(value);
}

const quoted = (word: string): string => (/[^\w.=@+/:-]/.test(word) ? `"${word.replaceAll('"', '\\"')}"` : word);

/** `trm train --preset arc-small lr=3e-4`: the command that starts the same run. */
export function commandLine(preset: string, config: TrainConfig, changed: readonly string[]): string {
  const overrides = changed.map((path) => quoted(`${path}=${argument(getPath(config, path))}`));
  return ['trm train', `--preset ${preset}`, ...overrides].join(' ');
}
