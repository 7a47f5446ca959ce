/** What the reference made of a bundle becomes the continuation of the run that it came from. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { DATASET, RESULT } from '../../core/bundle/plan';
import { ALL_CONFIG } from '../../core/checkpoint/import/all-config';
import { totalSteps } from '../../core/train/schedule';
import type { BroughtBack } from '../../shared/contract/bundles';
import type { TrainConfig } from '../../shared/config';
import type { Parsed } from '../../shared/contract';
import { StudioError } from '../../shared/errors';
import type { MetricBatch } from '../../shared/metrics';
import type { Context } from '../context';
import { absolutePath, storedPath } from '../home';
import type { RunRecord } from '../repositories/runs';
import type { Exchange } from '../runs/exchange';
import { RunRecorder } from '../runs/recorder';
import { rewind } from '../runs/rewind';
import { checkpointInfos, runFolder, runSummary } from '../runs/summary';
import type { Runs } from '../runs/runs';
import { findBundle, newestStep } from './bundles';
import { readMetricsFile } from './metrics-file';

/** Rows that are stored at a time. */
const CHUNK = 2000;

/** @throws StudioError in one sentence; the run is then as it was */
export async function bringBack(
  context: Context,
  runs: Runs,
  exchange: Exchange,
  { path, metrics, run: expected, task }: Parsed<'bundles.bring_back'>,
): Promise<BroughtBack> {
  const { store, home, events } = context;
  const found = findBundle(path);
  if (!found) {
    throw new StudioError(
      'not_found',
      `${resolve(path)} is no bundle of TRM Studio: name the folder that has a trm-studio.json, or a step_N in its ${RESULT} folder.`,
    );
  }
  const { bundle, folder } = found;
  const run = store.runs.get(bundle.run.id);
  if (!run) {
    throw new StudioError(
      'not_found',
      `The run ${bundle.run.name} (${bundle.run.id}) of this bundle is not in this studio: import the step_N as a run of its own.`,
    );
  }
  if (expected !== null && expected !== run.id) {
    throw new StudioError(
      'conflict',
      `${folder} is a bundle of ${run.name} (${run.id}), not of this run: bring it back on that one’s page.`,
    );
  }
  const result = resultOf(folder, found.checkpoint);
  const step = bundle.step + result.step;
  refuseOther(context, runs, run, bundle.step);

  const limits: string[] = [];
  const config = lengthened(run, bundle, step, limits);
  const total_steps = totalOf(context, run, config);
  const rows = metrics === null ? null : await gather(resolve(metrics), bundle, result.step);
  const iteration = bundle.iteration + intervalsDone(bundle, result.step, config, total_steps);
  const seconds = bundle.seconds + (rows?.seconds ?? 0);
  const beside = join(folder, RESULT, ALL_CONFIG);
  const identifiers = join(folder, 'identifiers.json');
  const { file, report } = await exchange.bring(
    {
      checkpoint: result.path,
      config: existsSync(beside) ? beside : join(folder, ALL_CONFIG),
      identifiers: existsSync(identifiers) ? identifiers : null,
      data_path: dataOf(context, run, folder),
      overrides: {},
      continues: { config, step, seconds, iteration },
    },
    join(runFolder(home, run), 'checkpoints'),
    task,
  );
  if (!file) throw new Error('an import without a file');

  store.db.transaction(() => {
    if (rows) {
      store.metrics.deleteAfter(run.id, bundle.step);
      for (const batch of rows.batches) store.metrics.append(run.id, batch);
    }
  })();
  const exact_accuracy = store.metrics.valueAt(run.id, step, 'eval/exact_accuracy');
  const record = store.checkpoints.record(
    run.id,
    { step, ...file, reason: 'imported', exact_accuracy },
    storedPath(home, file.path),
  );
  // The figures of the run follow from what is stored up to this step.
  rewind(store, run, step);
  const over = total_steps > 0 && step >= total_steps;
  store.runs.update(run.id, {
    config,
    total_steps,
    status: over ? 'done' : 'stopped',
    seconds,
    reason: over ? null : 'Brought back from the reference: it goes on from there.',
  });
  const notes = [
    ...limits,
    ...report.notes,
    ...(report.embedding ? [report.embedding.sentence] : []),
    ...(rows?.late ? [`${rows.late} points behind step_${result.step} were left out: nothing was saved of them.`] : []),
  ];
  const recorder = new RunRecorder(context, run.id);
  for (const warning of report.warnings) recorder.event('warning', warning, step);
  recorder.event('info', `Brought back from ${result.path}: step ${bundle.step} + ${result.step} = ${step}.`, step);
  for (const note of notes) recorder.event('info', note, step);
  for (const batch of rows?.batches ?? []) events.emit('run.metrics', { run: run.id, batch });
  const info = checkpointInfos(home, store.checkpoints.list(run.id)).find((c) => c.id === record.id);
  if (info) events.emit('run.checkpoint', info);
  recorder.changed();
  return {
    run: runSummary(store, runs.get(run.id)),
    file: result.path,
    step,
    points: rows?.points ?? 0,
    notes: [...report.warnings, ...notes],
  };
}

/** A bundle with --epochs made the run longer, here too; a limit of the studio that now lies behind it is no end. */
function lengthened(
  { config }: RunRecord,
  bundle: { iteration: number; intervals: number },
  step: number,
  notes: string[],
): TrainConfig {
  const epochs = (bundle.iteration + bundle.intervals) * (config.eval_interval ?? config.epochs);
  const longer = { ...config, studio: { ...config.studio }, epochs: Math.max(epochs, config.epochs) };
  if (config.studio.max_steps > 0 && step >= config.studio.max_steps) {
    longer.studio.max_steps = 0;
    notes.push(`max_steps was ${config.studio.max_steps}, which lies behind the run now: it is off.`);
  }
  return longer;
}

/** The run's length as its epochs give it. */
function totalOf({ store }: Context, run: RunRecord, config: TrainConfig): number {
  const facts = run.dataset === null ? null : store.datasets.get(run.dataset)?.facts;
  if (!facts) return Math.floor((run.total_steps * config.epochs) / run.config.epochs);
  return totalSteps(config, { total_groups: facts.train_groups, mean_puzzle_examples: facts.mean_puzzle_examples });
}

function resultOf(folder: string, chosen: string | null): { path: string; step: number } {
  if (chosen !== null) {
    const step = /^step_(\d+)$/.exec(basename(chosen))?.[1];
    if (step !== undefined && chosen.startsWith(join(folder, RESULT))) return { path: chosen, step: Number(step) };
    throw new StudioError(
      'bad_input',
      `${chosen} is no step_N of the bundle’s ${RESULT} folder: name that one, or the bundle.`,
    );
  }
  const newest = newestStep(join(folder, RESULT));
  if (newest) return newest;
  throw new StudioError(
    'not_found',
    `${join(folder, RESULT)} holds no step_N yet: the reference saves one at each evaluation, and has had none.`,
  );
}

/** What was trained here since the bundle was made would be lost. */
function refuseOther(context: Context, runs: Runs, run: RunRecord, step: number): void {
  runs.refuseActive(run, 'continued');
  const here = context.store.checkpoints.list(run.id).find((c) => c.step > step && c.reason !== 'imported');
  if (!here) return;
  throw new StudioError(
    'conflict',
    `${run.name} has been trained here to step ${here.step} since the bundle was made at step ${step}: import the step_N as a run of its own instead.`,
  );
}

/** Evaluation intervals that the reference has behind it: its checkpoints are saved at their ends. */
function intervalsDone(
  bundle: { step: number; iteration: number; intervals: number },
  steps: number,
  config: TrainConfig,
  total: number,
): number {
  const all = config.eval_interval ? config.epochs / config.eval_interval : 1;
  const perInterval = bundle.iteration > 0 ? bundle.step / bundle.iteration : total / all;
  if (!(perInterval > 0)) return 0;
  return Math.max(0, Math.min(bundle.intervals, Math.round(steps / perInterval)));
}

/** The run's dataset where it is still here, else the bundle's own. */
function dataOf({ store, home }: Context, run: RunRecord, folder: string): string {
  const dataset = run.dataset === null ? null : store.datasets.get(run.dataset);
  const here = run.config.data_paths[0] ?? (dataset ? absolutePath(home, dataset.path) : undefined);
  return here !== undefined && existsSync(here) ? here : join(folder, DATASET);
}

interface Gathered {
  batches: MetricBatch[];
  points: number;
  /** Of the last row. */
  seconds: number;
  /** Points behind the checkpoint. */
  late: number;
}

/** Rows up to `last`, on the run's own count of steps and seconds. */
async function gather(path: string, bundle: { step: number; seconds: number }, last: number): Promise<Gathered> {
  const gathered: Gathered = { batches: [], points: 0, seconds: 0, late: 0 };
  // Rows with the same names make a batch together.
  const open = new Map<string, MetricBatch>();
  let rows = 0;
  for await (const { step, runtime, values } of readMetricsFile(path)) {
    rows++;
    if (step < 1) continue;
    if (step > last) {
      gathered.late += values.size;
      continue;
    }
    gathered.seconds = Math.max(gathered.seconds, runtime ?? 0);
    const names = [...values.keys()];
    const key = names.join('\n');
    let batch = open.get(key);
    if (!batch || batch.steps.length >= CHUNK) {
      batch = { steps: [], seconds: [], values: Object.fromEntries(names.map((name) => [name, []])) };
      open.set(key, batch);
      gathered.batches.push(batch);
    }
    batch.steps.push(bundle.step + step);
    batch.seconds.push(bundle.seconds + (runtime ?? gathered.seconds));
    for (const [name, value] of values) batch.values[name].push(value);
    gathered.points += values.size;
  }
  if (!rows) {
    throw new StudioError('bad_input', `${path} holds no metrics: export the run’s history as CSV or JSON lines.`);
  }
  return gathered;
}
