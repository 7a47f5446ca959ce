/**
 * Metrics that were logged elsewhere: a W&B history as CSV or JSON lines, the CSV of one of its charts, or what
 * `trm runs export` writes.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { StudioError } from '../../shared/errors';
import { storedName } from '../../shared/metric-names';

export interface LoggedRow {
  step: number;
  /** Seconds since the logging began; null where the file does not say. */
  runtime: number | null;
  /** By stored name. */
  values: Map<string, number>;
}

const STEP = ['_step', 'step', 'Step', 'global_step'];
const RUNTIME = ['_runtime', 'runtime', 'Relative Time (Process)'];
/** Logged once, and no metric of training. */
const NO_METRIC = /^(num_params|epoch)$/;

/** @throws StudioError `bad_input` with the file and line; file system errors */
export async function* readMetricsFile(path: string): AsyncGenerator<LoggedRow> {
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });
  let number = 0;
  let columns: string[] | null = null;
  try {
    for await (const text of lines) {
      number++;
      const line = number === 1 ? text.replace(/^\ufeff/, '') : text;
      if (line.trim() === '') continue;
      if (columns === null && !line.trimStart().startsWith('{')) {
        columns = header(cells(line), path);
        continue;
      }
      const entries = columns ? fromCells(columns, cells(line)) : fromJson(line, path, number);
      const row = rowOf(entries, path, number);
      if (row.values.size) yield row;
    }
  } finally {
    lines.close();
  }
}

const refuse = (path: string, why: string): StudioError => new StudioError('bad_input', `${path} ${why}`);

/** A chart's CSV names its columns "RUN - train/lm_loss", and repeats them with __MIN and __MAX. */
function header(names: string[], path: string): string[] {
  const columns = names.map((name) => name.trim().replace(/^.* - (?=(train|all|machine|ARC)[/.])/, ''));
  if (!columns.some((name) => STEP.includes(name))) {
    throw refuse(
      path,
      `has no column _step or Step, but ${names.slice(0, 5).join(', ') || 'nothing'}: export the run’s history as CSV or JSON lines.`,
    );
  }
  return columns;
}

function fromCells(columns: readonly string[], row: readonly string[]): [string, unknown][] {
  return columns.map((name, i) => [name, row[i] === undefined || row[i].trim() === '' ? undefined : Number(row[i])]);
}

/** Objects within are joined with a dot, as W&B does with the reference's evaluation. */
function fromJson(line: string, path: string, number: number): [string, unknown][] {
  let object: unknown;
  try {
    object = JSON.parse(line);
  } catch {
    throw refuse(path, `is no JSON in line ${number}: it has to hold one object per line.`);
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    throw refuse(path, `has no object in line ${number}: it has to hold one per line.`);
  }
  return Object.entries(object).flatMap(([key, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).map(([inner, part]) => [`${key}.${inner}`, part])
      : [[key, value]],
  );
}

function rowOf(entries: readonly [string, unknown][], path: string, number: number): LoggedRow {
  let step: unknown;
  let runtime: number | null = null;
  const values = new Map<string, number>();
  for (const [name, value] of entries) {
    if (STEP.includes(name)) step ??= value;
    else if (typeof value !== 'number' || Number.isNaN(value)) continue;
    else if (RUNTIME.includes(name)) runtime = value;
    else if (name !== '' && !name.startsWith('_') && !/__(MIN|MAX)$/.test(name) && !NO_METRIC.test(name)) {
      values.set(storedName(name), value);
    }
  }
  if (typeof step !== 'number' || !Number.isInteger(step) || step < 0) {
    throw refuse(path, `has the step ${JSON.stringify(step) ?? 'nothing'} in line ${number}: steps are whole numbers.`);
  }
  return { step, runtime, values };
}

/** The cells of a CSV line: quoted ones may hold commas, and "" for a quote. */
function cells(line: string): string[] {
  const found: string[] = [];
  const cell = /("(?:[^"]|"")*"|[^,]*)(,|$)/y;
  for (;;) {
    const match = cell.exec(line);
    if (!match) return found;
    const [, text, end] = match;
    found.push(text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
    if (end === '') return found;
  }
}
