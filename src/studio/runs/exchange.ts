/** Checkpoints in and out: read and written by a compute process, recorded here. */
import { join, resolve } from 'node:path';
import type { ExportReport, ImportReport, ImportRequest } from '../../shared/checkpoint';
import type { FromCompute, JobResult } from '../../shared/compute';
import type { Parsed } from '../../shared/contract';
import type { RunSummary } from '../../shared/contract/runs';
import { fromWireError, StudioError } from '../../shared/errors';
import { exportedNames } from '../../core/checkpoint/export/exported-names';
import { totalSteps } from '../../core/train/schedule';
import { timestamp } from '../clock';
import type { Context } from '../context';
import { durably } from '../db/open';
import type { Datasets } from '../datasets/datasets';
import { ProgressMeter } from '../datasets/progress';
import { absolutePath, storedPath } from '../home';
import { newId } from '../ids';
import type { DatasetRecord } from '../repositories/datasets';
import type { RunRecord } from '../repositories/runs';
import { claim } from '../unfinished';
import { removeFile } from './checkpoints';
import { defaultPins } from './create';
import { RunRecorder } from './recorder';
import { runSummary } from './summary';

type Incoming = Omit<Parsed<'checkpoints.import'>, 'name' | 'task'>;
type ImportResult = Extract<JobResult, { kind: 'import' }>;

export class Exchange {
  /** Jobs by the name that who asked gave them. */
  private readonly tasks = new Map<string, string>();

  constructor(
    private readonly context: Context,
    private readonly datasets: Datasets,
  ) {}

  async inspect(input: Incoming): Promise<ImportReport> {
    return (await this.bring(this.requestOf(input), null, undefined)).report;
  }

  /**
   * @param as what else the run is, where it is no user's import
   * @throws StudioError in one sentence; nothing is left then
   */
  async import(
    input: Parsed<'checkpoints.import'>,
    as: Partial<Pick<RunRecord, 'id' | 'preset' | 'reason'>> = {},
  ): Promise<{ run: RunSummary; report: ImportReport }> {
    const { store, home } = this.context;
    const id = as.id ?? newId();
    let inserted = false;
    const folder = join(home.runs, id);
    const forget = claim(this.context, [folder]);
    try {
      const { report, file } = await this.bring(this.requestOf(input), join(folder, 'checkpoints'), input.task);
      if (!file) throw new Error('an import without a file');
      const dataset = this.datasetOf(input, report);
      const run = { ...importedRun(id, input.name ?? nameOf(report), report, dataset), ...as };
      if (dataset) run.pinned = defaultPins(this.datasets, dataset.id);
      if (run.status === 'done') {
        const [step, total] = [report.step, run.total_steps].map((n) => n.toLocaleString('en-US'));
        report.notes.push(
          `Its ${step} steps are all that ${report.config.epochs} epochs give on this dataset (${total}): to train on, start a new run with load_checkpoint=${file.path}.`,
        );
      }
      const taken = { step: report.step, ...file, reason: 'imported', exact_accuracy: null } as const;
      durably(store.db, () => {
        store.runs.insert(run);
        store.checkpoints.record(id, taken, storedPath(home, file.path));
        forget();
      });
      inserted = true;
      this.tellImport(id, report);
      return { run: runSummary(store, run), report };
    } catch (error) {
      if (inserted) store.runs.delete(id);
      // Another process may have taken the same run in meanwhile.
      if (!store.runs.get(id)) removeFile(this.context, folder);
      forget();
      throw error;
    }
  }

  async export(input: Parsed<'checkpoints.export'>): Promise<ExportReport> {
    const { store, home } = this.context;
    const checkpoint = store.checkpoints.get(input.checkpoint);
    const run = checkpoint && store.runs.get(checkpoint.run);
    if (!checkpoint || !run) {
      throw new StudioError(
        'not_found',
        `There is no checkpoint ${input.checkpoint}: it may have been removed for a newer one.`,
      );
    }
    const { task, checkpoint: _, ...rest } = input;
    const dataset = run.dataset === null ? null : store.datasets.get(run.dataset);
    const out = resolve(input.out);
    const { names, last } = exportedNames(checkpoint.step, input.format);
    const made = names.flatMap((name) => [join(out, `${name}.partial`), join(out, name)]);
    const forget = claim(this.context, made, input.overwrite ? null : join(out, last));
    const result = await this.job(
      {
        type: 'export',
        request: {
          ...rest,
          out,
          checkpoint: absolutePath(home, checkpoint.path),
          data_paths: run.config.data_paths.length || !dataset ? null : [absolutePath(home, dataset.path)],
        },
      },
      task,
    ).finally(forget);
    if (result.kind !== 'export') throw new Error(`an export that gave a ${result.kind}`);
    return result.report;
  }

  cancel(task: string): void {
    const job = this.tasks.get(task);
    if (job !== undefined) this.context.supervisor.build.send({ type: 'stop', job });
  }

  /** Reads a checkpoint, into `out` if it is given. */
  async bring(request: ImportRequest, out: string | null, task: string | undefined): Promise<ImportResult> {
    const result = await this.job({ type: 'import', request, out }, task);
    if (result.kind !== 'import') throw new Error(`an import that gave a ${result.kind}`);
    return result;
  }

  private requestOf(input: Incoming): ImportRequest {
    const { path, config, identifiers, overrides } = input;
    const record = input.dataset === null ? null : this.datasets.record(input.dataset);
    if (record && record.status !== 'ready') {
      throw new StudioError('conflict', `The dataset ${record.name} is ${record.status}: wait until it is built.`);
    }
    const folder = record ? absolutePath(this.context.home, record.path) : input.data_path;
    return {
      checkpoint: resolve(path),
      config: config === null ? null : resolve(config),
      identifiers: identifiers === null ? null : resolve(identifiers),
      data_path: folder === null ? null : resolve(folder),
      overrides,
    };
  }

  private datasetOf(input: Incoming, report: ImportReport): DatasetRecord | null {
    if (input.dataset !== null) return this.datasets.record(input.dataset);
    return report.data_path === null ? null : this.datasets.record(this.datasets.adopt(report.data_path).id);
  }

  private job(
    message: { type: 'import'; request: ImportRequest; out: string | null } | Omit<ExportMessage, 'job'>,
    task: string | undefined,
  ): Promise<JobResult> {
    const { supervisor, events } = this.context;
    const job = newId();
    if (task !== undefined) this.tasks.set(task, job);
    const meter = new ProgressMeter((done, total, what, seconds_left) => {
      if (task !== undefined) events.emit('checkpoint.progress', { task, done, total, what, seconds_left });
    });
    return new Promise<JobResult>((done, fail) => {
      const receive = (m: FromCompute): void => {
        if (m.type === 'progress') meter.update(m.done, m.total, m.what);
        else if (m.type === 'failed') fail(fromWireError(m.error));
        else if (m.type === 'done' && m.result) done(m.result);
        else if (m.type === 'done') fail(new StudioError('cancelled', 'Cancelled: nothing was left behind.'));
      };
      supervisor.build.run(
        { ...message, job },
        { onMessage: receive, onLost: (sentence) => fail(new StudioError('unavailable', sentence)) },
      );
    }).finally(() => {
      if (task !== undefined) this.tasks.delete(task);
    });
  }

  /** What one should know stands in the run's events, warnings first. */
  private tellImport(id: string, report: ImportReport): void {
    const recorder = new RunRecorder(this.context, id);
    for (const warning of report.warnings) recorder.event('warning', warning, report.step);
    const said = [
      `Imported from ${report.path}, step ${report.step.toLocaleString('en-US')}.`,
      ...(report.embedding ? [report.embedding.sentence] : []),
      ...report.notes,
      ...report.assumed.map(({ key, value, why }) => `${key} is taken as ${JSON.stringify(value)}: ${why}.`),
    ];
    for (const sentence of said) recorder.event('info', sentence, report.step);
    recorder.changed();
  }
}

type ExportMessage = Extract<Parameters<Context['supervisor']['build']['run']>[0], { type: 'export' }>;

/** "runs/arc/step_1000" is called "arc step 1,000". */
function nameOf({ path, step }: ImportReport): string {
  const folder = path.split(/[\\/]/).slice(-2)[0] || 'imported';
  return `${folder} step ${step.toLocaleString('en-US')}`.slice(0, 200);
}

function importedRun(id: string, name: string, report: ImportReport, dataset: DatasetRecord | null): RunRecord {
  const now = timestamp();
  const { config, step } = report;
  const facts = dataset?.facts;
  const total = facts ? totalSteps(config, { ...facts, total_groups: facts.train_groups }) : step;
  return {
    id,
    name,
    preset: null,
    status: dataset && step >= total && total > 0 ? 'done' : 'stopped',
    reason: `Imported from ${report.path}.`,
    dataset: dataset?.id ?? null,
    dataset_name: dataset?.name ?? '',
    kind: report.kind,
    grid_rows: report.rows,
    grid_columns: report.columns,
    created: now,
    updated: now,
    queued_at: null,
    step,
    total_steps: total,
    seconds: 0,
    steps_per_s: null,
    best_exact_accuracy: null,
    last_exact_accuracy: null,
    last_lm_loss: null,
    config,
    backend: null,
    parameters: report.parameters,
    embedding_rows: report.embedding?.rows ?? null,
    flops_per_step: null,
    notes: [],
    pinned: [],
    owner: null,
    compute_owner: null,
    resume_at_start: false,
  };
}
