/** The second half of an import (import.ts): what was examined is written, streaming the embedding. */
import type { Continuation, ImportReport } from '../../../shared/checkpoint';
import { StudioError } from '../../../shared/errors';
import type { DatasetStore } from '../../data/store';
import type { ModelSpec } from '../../model/architecture';
import { architectureOf } from '../../model/registry';
import { Random } from '../../lib/random';
import { totalSteps } from '../../train/schedule';
import type { WrittenFile } from '../../lib/atomic';
import { isWeightDtype, type WeightDtype } from '../formats/dtypes';
import { meanRow, plannedRows, type RowPlan } from './embedding-rows';
import type { ModelSource } from './model-source';
import { notFinite } from '../formats/not-finite';
import { writeImported, type CheckpointMeta } from '../native/checkpoint';
import type { TableRows } from '../formats/tensor-file';

/** Numbers of a table from which on its progress is told. */
export const WORTH_TELLING = 2 ** 24;

/** Told while it works; `stopped` is asked between pieces. */
export interface ImportHost {
  progress(done: number, total: number, what: string): void;
  stopped(): boolean;
}

export interface Examined {
  source: ModelSource;
  store: DatasetStore | null;
  spec: ModelSpec;
  table: TableRows | null;
  plan: RowPlan | null;
  report: ImportReport;
  continues: Continuation | null;
}

/** Of the embedding only the rows that are taken are looked at: of a table of gigabytes a dataset may name few. */
export function warnOfOddRows({ table, plan, report }: Pick<Examined, 'table' | 'plan' | 'report'>): void {
  if (!table || !plan) return;
  const unseen = new Float32Array(table.width);
  let odd = 0;
  for (const piece of plannedRows(table, plan, () => unseen)) odd += notFinite(piece);
  tellOddRows(report, odd);
}

function tellOddRows(report: ImportReport, odd: number): void {
  if (odd) report.warnings.push(`puzzle_emb.weights has ${odd} numbers that are NaN or infinite.`);
}

export function refuseStopped(host: ImportHost): void {
  if (host.stopped()) throw new StudioError('cancelled', 'The import was cancelled: nothing was left behind.');
}

/** Writes what was examined, streaming the embedding. @throws StudioError `cancelled`; file system errors */
export async function writeExamined(
  { source, store, spec, table, plan, report, continues }: Examined,
  out: string,
  host: ImportHost,
): Promise<WrittenFile> {
  const { config, step } = report;
  const weights = new Map<string, Float32Array>();
  for (const { name } of architectureOf(config.arch.name).parameters(spec)) weights.set(name, source.float32(name));

  // The table is gone through once for the checksum and once for the file.
  const total = 2 * (plan?.total ?? 0);
  let mean: Float32Array | null = null;
  const done = { rows: 0, odd: 0, firstPass: true };
  function* rows(): Generator<Float32Array> {
    if (!table || !plan) return;
    const average = () => (mean ??= meanRow(table, () => refuseStopped(host)));
    for (const piece of plannedRows(table, plan, average)) {
      refuseStopped(host);
      if (done.firstPass) done.odd += notFinite(piece);
      yield piece;
      done.rows += piece.length / table.width;
      // A small table is through before anybody looks.
      if (plan.total * table.width > WORTH_TELLING) host.progress(done.rows, total, 'embedding rows');
    }
    if (done.firstPass) tellOddRows(report, done.odd);
    done.firstPass = false;
  }
  const identifiers = store?.identifiers()?.content ?? (store ? null : source.names?.table.content) ?? Buffer.alloc(0);
  return writeImported(
    out,
    metaOf(source, store, spec, report, step, continues),
    weights,
    table && plan ? { rows: plan.total, pieces: rows } : null,
    identifiers,
  );
}

function metaOf(
  source: ModelSource,
  store: DatasetStore | null,
  spec: ModelSpec,
  report: ImportReport,
  step: number,
  continues: Continuation | null,
): CheckpointMeta {
  const { config } = report;
  const data = store?.hasSplit('train') ? store.split('train').metadata : null;
  const total = data ? totalSteps(config, data) : step;
  const iterations = config.eval_interval ? config.epochs / config.eval_interval : 1;
  // Where the data would stand after as many steps: at the start of that iteration.
  const reached = continues?.iteration ?? (total > 0 ? Math.floor((step / total) * iterations) : 0);
  const iteration = Math.min(iterations, reached);
  const dtypes: Record<string, WeightDtype> = {};
  for (const [name, { dtype }] of source.tensors) if (dtype !== 'F32' && isWeightDtype(dtype)) dtypes[name] = dtype;
  return {
    schema: 1,
    config,
    seq_len: spec.seq_len,
    vocab_size: spec.vocab_size,
    num_puzzle_identifiers: spec.num_puzzle_identifiers,
    kind: report.kind,
    rows: report.rows,
    columns: report.columns,
    step,
    total_steps: total,
    seconds: continues?.seconds ?? source.meta?.seconds ?? 0,
    sampler: { iteration, epoch: 0, position: 0, random: new Random(config.seed, `examples ${iteration}`).save() },
    exploration: new Random(config.seed, 'exploration').save(),
    evaluated: null,
    evaluation_due: false,
    ...(Object.keys(dtypes).length
      ? { dtypes: { ...source.meta?.dtypes, ...dtypes } }
      : source.meta?.dtypes
        ? { dtypes: source.meta.dtypes }
        : {}),
  };
}
