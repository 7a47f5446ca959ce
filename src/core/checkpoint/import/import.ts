/**
 * A checkpoint from elsewhere becomes the checkpoint of a run here. First everything is examined and explained, then it is
 * written, streaming the embedding: a table of gigabytes is never in memory.
 */
import { existsSync, statSync } from 'node:fs';
import type { ImportReport, ImportRequest } from '../../../shared/checkpoint';
import type { TrainConfig } from '../../../shared/config';
import { getPath, parseConfig, setPath } from '../../../shared/config-fields';
import { StudioError } from '../../../shared/errors';
import { guessLayout } from '../../data/metadata';
import { DatasetStore } from '../../data/store';
import { prefixLength, type ModelSpec } from '../../model/architecture';
import { architectureOf } from '../../model/registry';
import { copyAtomically, type WrittenFile } from '../../lib/atomic';
import { planRows, type RowPlan } from './embedding-rows';
import { refuseMisfit } from './fit';
import { refuseStopped, warnOfOddRows, writeExamined, type Examined, type ImportHost } from './import-write';
import { factsOf, inferConfig, type Assumption } from './infer';
import { differingKey } from './starting-weights';
import { openModelSource, type ModelSource } from './model-source';
import { notFinite } from '../formats/not-finite';
import { elements, type TableRows } from '../formats/tensor-file';

/** What an import would do, without writing anything. @throws StudioError in one sentence */
export function inspectCheckpoint(request: ImportRequest): ImportReport {
  const examined = examine(request);
  try {
    warnOfOddRows(examined);
    return examined.report;
  } finally {
    examined.source.close();
    examined.store?.close();
  }
}

/**
 * Writes the checkpoint for the run.
 * @param outFor the file's path by the checkpoint's step
 * @throws StudioError in one sentence; file system errors. What was half-written is gone then.
 */
export async function importCheckpoint(
  request: ImportRequest,
  outFor: (step: number) => string,
  host: ImportHost,
): Promise<{ file: WrittenFile; report: ImportReport }> {
  const examined = examine(request);
  const { source, store, report } = examined;
  try {
    const out = outFor(report.step);
    if (report.exact) {
      warnOfOddRows(examined);
      const file = await copyAtomically(source.path, out, (done) => {
        refuseStopped(host);
        host.progress(done, report.bytes, 'bytes copied');
      });
      return { file, report };
    }
    return { file: await writeExamined(examined, out, host), report };
  } finally {
    source.close();
    store?.close();
  }
}

function examine(request: ImportRequest): Examined {
  const source = openModelSource(request.checkpoint, { ...request, weights: 'raw' });
  let store: DatasetStore | null = null;
  try {
    const facts = factsOf(source);
    if (!facts) {
      throw new StudioError(
        'bad_input',
        `${source.path} is no checkpoint of a Tiny Recursive Model: it has no embed_tokens.embedding_weight, but ${[...source.tensors.keys()].slice(0, 4).join(', ')}.`,
      );
    }
    const notes = [...(source.config?.notes ?? [])];
    const warnings: string[] = [];
    store = openStore(request.data_path, source, notes);
    const data = store?.split(store.hasSplit('train') ? 'train' : 'test').metadata ?? null;

    const inferred = source.config ? null : inferConfig(facts, data?.seq_len ?? null);
    const own = source.config?.config ?? (inferred as NonNullable<typeof inferred>).config;
    const said = request.continues?.config ?? own;
    if (request.continues && source.config) refuseOtherRun(source, said, own);
    const config = finalConfig(said, request.overrides, warnings, source.config?.from ?? null);
    const assumed = (inferred?.assumed ?? []).filter(({ key }) => !Object.hasOwn(request.overrides, key));

    const size = data ?? sizeWithoutData(source, config, facts, assumed);
    const spec: ModelSpec = {
      arch: config.arch,
      seq_len: size.seq_len,
      vocab_size: size.vocab_size,
      num_puzzle_identifiers:
        data?.num_puzzle_identifiers ?? source.meta?.num_puzzle_identifiers ?? source.table()?.rows ?? 1,
    };
    refuseOtherData(source, spec, store);
    refuseMisfit(
      source,
      spec,
      store
        ? `${source.config?.from ?? 'its own shapes'} with the data ${store.path}`
        : (source.config?.from ?? 'its own shapes'),
    );

    const table = source.table();
    const plan = table ? planFor(source, table, store, spec) : null;
    let parameters = 0;
    for (const { name, shape, trained } of architectureOf(config.arch.name).parameters(spec)) {
      if (trained) parameters += elements(shape);
      const odd = notFinite(source.float32(name));
      if (odd)
        warnings.push(`${name} has ${odd} numbers that are NaN or infinite: this checkpoint cannot answer anything.`);
    }
    const layout =
      store ?? source.meta ?? guessLayout({ ...LAYOUT, vocab_size: spec.vocab_size, seq_len: spec.seq_len });
    if (!layout) throw noCanvas(source.path, spec.vocab_size);
    const exact =
      source.meta !== null && !source.meta.weights_only && plan?.rows == null && !Object.keys(request.overrides).length;
    if (source.format === 'studio' && !exact)
      notes.push('Only its weights are taken: optimizer state, carry and data position start from scratch.');
    if (source.format !== 'studio') {
      notes.push(
        `It holds ${config.ema ? 'averaged weights (ema)' : 'weights'} only: the optimizer’s state and the data position start from scratch.`,
      );
    }
    if (!store)
      notes.push(
        'It has no dataset yet: it can be exported and be the start of other runs. Import it with its data to play it back and train on.',
      );
    const report: ImportReport = {
      path: source.path,
      format: source.format,
      bytes: statSync(source.path).size,
      step: request.continues?.step ?? source.step ?? 0,
      parameters,
      config,
      config_from: source.config?.from ?? null,
      assumed,
      seq_len: spec.seq_len,
      vocab_size: spec.vocab_size,
      kind: layout.kind,
      rows: layout.rows,
      columns: layout.columns,
      embedding: plan &&
        table && {
          file_rows: table.rows,
          rows: plan.total,
          matched: plan.matched,
          mean: plan.mean,
          rule: plan.rule,
          names_from: source.names?.from ?? null,
          sentence: plan.sentence,
        },
      data_path: store?.path ?? null,
      notes,
      warnings,
      exact,
    };
    if (source.step === null && !request.continues) notes.push('The file’s name says no step: it is taken as step 0.');
    return { source, store, spec, table, plan, report, continues: request.continues ?? null };
  } catch (error) {
    source.close();
    store?.close();
    throw error;
  }
}

/** @throws StudioError `bad_input` with both values: what comes back has to be the model that went out */
function refuseOtherRun(source: ModelSource, run: TrainConfig, own: TrainConfig): void {
  const key = differingKey(run.arch, own.arch);
  if (!key) return;
  throw new StudioError(
    'bad_input',
    `arch.${key} is ${JSON.stringify(own.arch[key])} in ${source.config?.from} and ${JSON.stringify(run.arch[key])} in the run: it is another model, so bring it in as a run of its own.`,
  );
}

/** Metadata that `guessLayout` wants and does not look at. */
const LAYOUT = {
  pad_id: 0,
  ignore_label_id: 0,
  blank_identifier_id: 0,
  num_puzzle_identifiers: 1,
  total_groups: 1,
  mean_puzzle_examples: 1,
  total_puzzles: 1,
  sets: ['all'],
};

function openStore(chosen: string | null, source: ModelSource, notes: string[]): DatasetStore | null {
  if (chosen !== null) return DatasetStore.open(chosen);
  const [own, ...others] = source.config?.config.data_paths ?? [];
  if (own === undefined || others.length || !existsSync(own)) return null;
  try {
    const store = DatasetStore.open(own);
    notes.push(`The data is ${own}, as ${source.config?.from} says.`);
    return store;
  } catch {
    // What lies there on this machine may be anything.
    return null;
  }
}

/** The config as the run gets it: paths of another machine mean nothing here. */
function finalConfig(
  said: TrainConfig,
  overrides: ImportRequest['overrides'],
  warnings: string[],
  from: string | null,
): TrainConfig {
  let config: unknown = { ...said, data_paths: [], data_paths_test: [], checkpoint_path: null, load_checkpoint: null };
  for (const [key, value] of Object.entries(overrides)) {
    const before = getPath(said, key);
    if (from !== null && key.startsWith('arch.') && JSON.stringify(before) !== JSON.stringify(value)) {
      warnings.push(
        `${key} is ${JSON.stringify(value)} by your choice and ${JSON.stringify(before)} in ${from}, which it was trained with.`,
      );
    }
    config = setPath(config, key, value);
  }
  return parseConfig(config);
}

/** Cells and vocabulary where no dataset says them: a tensor's, or the usual canvas of the vocabulary. */
function sizeWithoutData(
  source: ModelSource,
  config: TrainConfig,
  facts: NonNullable<ReturnType<typeof factsOf>>,
  assumed: Assumption[],
): { seq_len: number; vocab_size: number } {
  if (source.meta) return source.meta;
  const { vocab_size, tokens } = facts;
  const prefix = prefixLength({ arch: config.arch, seq_len: 0, vocab_size, num_puzzle_identifiers: 1 });
  if (tokens !== null) return { vocab_size, seq_len: tokens - prefix };
  const paths = source.config?.config.data_paths.join(' ') ?? '';
  const usual: Record<number, number> = { 12: 900, 11: 81, 8: 36, 6: /sudoku/i.test(paths) ? 16 : 900 };
  const seq_len = usual[vocab_size];
  if (seq_len === undefined) throw noCanvas(source.path, vocab_size);
  assumed.push({ key: 'seq_len', value: seq_len, why: `the usual canvas of puzzles with ${vocab_size} tokens` });
  return { vocab_size, seq_len };
}

const noCanvas = (path: string, vocab: number): StudioError =>
  new StudioError(
    'bad_input',
    `${path} has ${vocab} tokens, and no puzzle that is known here has: name its dataset with --data.`,
  );

function refuseOtherData({ path, meta }: ModelSource, spec: ModelSpec, store: DatasetStore | null): void {
  if (!meta || !store) return;
  for (const key of ['vocab_size', 'seq_len'] as const) {
    if (meta[key] === spec[key]) continue;
    throw new StudioError(
      'bad_input',
      `${key} is ${spec[key]} in ${store.path} and ${meta[key]} in ${path}: choose a dataset of its kind and canvas.`,
    );
  }
}

function planFor(source: ModelSource, table: TableRows, store: DatasetStore | null, spec: ModelSpec): RowPlan {
  const own = { rows: table.rows, names: source.names?.table ?? null };
  if (!store) {
    const sentence = `All ${table.rows.toLocaleString('en-US')} embedding rows are kept in their order, with no dataset to match them to.`;
    return { rows: null, total: table.rows, matched: table.rows, mean: 0, rule: 'numbers', sentence };
  }
  const blank = store.split(store.hasSplit('train') ? 'train' : 'test').metadata.blank_identifier_id;
  return planRows({ source: own, target: { rows: spec.num_puzzle_identifiers, names: store.identifiers(), blank } });
}
