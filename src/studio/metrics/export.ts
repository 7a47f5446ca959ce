/**
 * A run's metrics as a file: CSV and JSON lines with the columns of a W&B history (`_step`, `_runtime`, `_timestamp`, and
 * the reference's names), or a TensorBoard event file. Written whole or not at all, in pieces.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { writeAtomically } from '../../core/lib/atomic';
import { eventFileName, scalarsRecord, versionRecord } from '../../core/export/tfevents';
import type { MetricsFormat } from '../../shared/contract/exports';
import { StudioError } from '../../shared/errors';
import { referenceName } from '../../shared/metric-names';
import { nameSegment } from '../../shared/path-segment';
import type { RunRecord } from '../repositories/runs';
import type { Store } from '../store';
import { metricRows, type MetricRow } from './rows';

/** Rows that are written at a time. */
const CHUNK = 1000;

/**
 * The pieces of the file. A run without metrics gives a header and nothing else.
 */
export function* metricPieces(store: Store, run: RunRecord, format: MetricsFormat): Generator<Uint8Array> {
  const begun = Date.parse(run.created) / 1000;
  if (format === 'tensorboard') {
    yield versionRecord(begun);
    for (const { step, seconds, values } of metricRows(store, run.id)) {
      yield scalarsRecord(begun + seconds, step, logged(values));
    }
    return;
  }
  const names = store.metrics.names(run.id);
  const line = format === 'csv' ? csvLine(names) : jsonLine;
  let text = format === 'csv' ? `${[...META, ...names.map(referenceName)].map(csvCell).join(',')}\n` : '';
  let rows = 0;
  for (const row of metricRows(store, run.id)) {
    text += line(row, begun + row.seconds);
    if (++rows % CHUNK === 0) {
      yield Buffer.from(text);
      text = '';
    }
  }
  yield Buffer.from(text);
}

const META = ['_step', '_runtime', '_timestamp'];

const logged = (values: ReadonlyMap<string, number>): [string, number][] =>
  [...values].map(([name, value]) => [referenceName(name), value]);

function csvLine(names: readonly string[]): (row: MetricRow, timestamp: number) => string {
  return ({ step, seconds, values }, timestamp) => {
    const cells = names.map((name) => values.get(name) ?? '');
    return `${[step, seconds, timestamp, ...cells].join(',')}\n`;
  };
}

const csvCell = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function jsonLine({ step, seconds, values }: MetricRow, timestamp: number): string {
  const row = { _step: step, _runtime: seconds, _timestamp: timestamp, ...Object.fromEntries(logged(values)) };
  return `${JSON.stringify(row)}\n`;
}

/** The file's usual name. Event files carry the run's start and id, so that exporting again takes the old one's place. */
export function metricsFileName(run: RunRecord, format: MetricsFormat): string {
  if (format === 'tensorboard') return eventFileName(new Date(run.created), hostname(), run.id);
  return `${nameSegment(run.name, run.id)}-metrics.${format}`;
}

/**
 * @param out for CSV and JSON lines the file, or a folder that is there; for TensorBoard the folder of the run
 * @throws StudioError `conflict` where the folder holds another run's events; file system errors
 */
export async function exportMetrics(
  store: Store,
  run: RunRecord,
  format: MetricsFormat,
  out: string,
): Promise<{ path: string; bytes: number }> {
  const target = targetFile(run, format, resolve(out));
  const { path, bytes } = await writeAtomically(target, metricPieces(store, run, format));
  return { path, bytes };
}

function targetFile(run: RunRecord, format: MetricsFormat, out: string): string {
  const name = metricsFileName(run, format);
  const isFolder = existsSync(out) && statSync(out).isDirectory();
  if (format !== 'tensorboard') return isFolder ? join(out, name) : out;
  if (existsSync(out) && !isFolder) {
    throw new StudioError('bad_input', `${out} is a file: TensorBoard’s event files go into a folder, so name one.`);
  }
  const other = isFolder ? readdirSync(out).find((file) => file.includes('tfevents') && file !== name) : undefined;
  if (other) {
    throw new StudioError(
      'conflict',
      `${out} holds ${other}, and TensorBoard would join it with this run: choose another folder for each run.`,
    );
  }
  return join(out, name);
}
