/** The config of `trm train`: preset, file and overrides together, and how `--print-config` shows it. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseAllConfig } from '../core/checkpoint/import/all-config';
import { layerConfig, type LayeredConfig, type Origin } from '../shared/config-layers';
import { configFields, getPath } from '../shared/config-fields';
import { StudioError } from '../shared/errors';
import { UsageError } from './usage';

export interface ConfigSources {
  overrides: readonly string[];
  preset?: string;
  /** An all_config.yaml. */
  config?: string;
}

/** @throws UsageError for whatever does not fit in what was typed; StudioError and file system errors for the file */
export function trainConfig({ overrides, preset, config: path }: ConfigSources): LayeredConfig {
  if (preset !== undefined && path !== undefined) {
    throw new UsageError('--preset and --config both give a whole config: use one of them.');
  }
  const read = path === undefined ? null : readConfigFile(path);
  try {
    const layered = layerConfig({ preset: preset ?? null, file: read?.file ?? null, overrides });
    return { ...layered, notes: [...(read?.notes ?? []), ...layered.notes] };
  } catch (error) {
    if (error instanceof StudioError) throw new UsageError(error.message);
    throw error;
  }
}

function readConfigFile(path: string) {
  const { config, given, notes } = parseAllConfig(readFileSync(path, 'utf8'), path);
  if (config.checkpoint_path !== null) {
    notes.push(`checkpoint_path of ${path} is left out (${config.checkpoint_path} is the earlier run’s own folder).`);
    config.checkpoint_path = null;
  }
  return { file: { name: basename(path), config, given }, notes };
}

export interface PrintedConfig extends LayeredConfig {
  /** What the dataset itself brings, in sentences. */
  data: readonly string[];
}

const DEFAULT: Origin = { from: 'default', text: '' };

/** For programs: every key with its value and where it came from. */
export function configJson({ config, origins, notes, data }: PrintedConfig): object {
  return {
    event: 'config',
    config,
    origins: Object.fromEntries(configFields().map(({ path }) => [path, origins.get(path) ?? DEFAULT])),
    notes,
    data,
  };
}

/** For people: YAML (`--config` takes it), the origin behind every value. */
export function configYaml({ config, origins, data }: PrintedConfig): string {
  const lines: { text: string; comment: string }[] = [];
  const open: string[] = [];
  for (const { path } of configFields()) {
    const parts = path.split('.');
    const sections = parts.slice(0, -1);
    sections.forEach((name, depth) => {
      if (open[depth] === name) return;
      open.length = depth;
      open.push(name);
      lines.push({ text: `${'  '.repeat(depth)}${name}:`, comment: '' });
    });
    open.length = sections.length;
    const indent = '  '.repeat(sections.length);
    lines.push({
      text: `${indent}${parts[parts.length - 1]}: ${yamlValue(getPath(config, path))}`,
      comment: told(origins.get(path) ?? DEFAULT),
    });
  }
  const width = Math.min(56, Math.max(...lines.map(({ text }) => text.length))) + 2;
  const rows = lines.map(({ text, comment }) => (comment ? `${text.padEnd(width - 2)}  # ${comment}` : text));
  return [...rows, ...data.map((line) => `# ${line}`)].join('\n');
}

/** JSON is YAML too; a number needs its dot, which YAML 1.1 asks of a float with an exponent. */
function yamlValue(value: unknown): string {
  if (typeof value === 'number' && /^-?\d+e/.test(String(value))) return String(value).replace('e', '.0e');
  if (
    typeof value === 'string' &&
    /^[A-Za-z_/][\w./@-]*$/.test(value) &&
    !/^(y|n|yes|no|on|off|true|false|null)$/i.test(value)
  )
    return value;
  return JSON.stringify(value);
}

function told({ from, text }: Origin): string {
  switch (from) {
    case 'default':
      return 'default';
    case 'arch':
      return `arch=${text}`;
    default:
      return `${from}: ${text.replace(/\s+/g, ' ')}`;
  }
}
