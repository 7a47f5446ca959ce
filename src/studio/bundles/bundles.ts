/** To the cluster and back. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeFolders } from '../../core/lib/folders';
import { BundleSchema, readme, runScript, SIDECAR, type Bundle } from '../../core/bundle/files';
import { planContinuation, type BundlePlan, type Standing } from '../../core/bundle/plan';
import { ALL_CONFIG, formatAllConfig } from '../../core/checkpoint/import/all-config';
import { readDescription } from '../../core/checkpoint/native/description';
import { writeAtomically } from '../../core/lib/atomic';
import { SafetensorsFile } from '../../core/checkpoint/formats/safetensors';
import type { BundleReport } from '../../shared/contract/bundles';
import type { Parsed } from '../../shared/contract';
import { StudioError } from '../../shared/errors';
import type { Context } from '../context';
import { ProgressMeter } from '../datasets/progress';
import { absolutePath } from '../home';
import { newId } from '../ids';
import type { CheckpointRecord } from '../repositories/checkpoints';
import type { RunRecord } from '../repositories/runs';
import type { Exchange } from '../runs/exchange';
import { claim } from '../unfinished';
import { takeDatasets } from './copy';

export class Bundles {
  private readonly running = new Set<string>();
  private readonly stopped = new Set<string>();

  constructor(
    private readonly context: Context,
    private readonly exchange: Exchange,
    private readonly runOf: (id: string) => RunRecord,
  ) {}

  cancel(task: string): void {
    if (this.running.has(task)) this.stopped.add(task);
    this.exchange.cancel(task);
  }

  /** @throws StudioError in one sentence; nothing is left at `out` then */
  async export(input: Parsed<'bundles.export'>): Promise<BundleReport> {
    const run = this.runOf(input.run);
    const checkpoint = this.checkpointOf(run, input.checkpoint);
    const standing = await this.standingOf(run, absolutePath(this.context.home, checkpoint.path));
    const { data, test } = this.folders(run);
    const machines = { gpus: input.gpus, nodes: input.nodes };
    const sizes = { run: run.name, data: data.length, test: test.length };
    const plan = planContinuation(run.config, standing, machines, sizes, input.epochs);
    const out = resolve(input.out);
    await refuseTaken(out);
    const partial = `${out}.partial-${newId()}`;
    const forget = claim(this.context, [partial]);
    if (input.task !== undefined) this.running.add(input.task);
    try {
      makeFolders(partial);
      const bytes = await this.write(partial, run, checkpoint, standing, plan, { ...input, data, test });
      if (existsSync(out)) await rmdir(out);
      await rename(partial, out);
      const { config, intervals, notes } = plan;
      const weights = config.ema && input.weights === 'ema' ? 'ema' : 'raw';
      return { folder: out, step: standing.step, bytes, epochs: config.epochs, intervals, weights, notes };
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    } finally {
      forget();
      if (input.task !== undefined) {
        this.running.delete(input.task);
        this.stopped.delete(input.task);
      }
    }
  }

  private async write(
    folder: string,
    run: RunRecord,
    checkpoint: CheckpointRecord,
    standing: Standing & { seconds: number },
    plan: BundlePlan,
    input: Parsed<'bundles.export'> & { data: string[]; test: string[] },
  ): Promise<number> {
    const { gpus, nodes, link, task, weights } = input;
    // The names that the config has for them, in the same order.
    const from = [...input.data, ...input.test];
    const datasets = [...plan.config.data_paths, ...plan.config.data_paths_test].map((name, i) => ({
      from: from[i],
      to: join(folder, name),
    }));
    const meter = new ProgressMeter((done, total, what, seconds_left) => {
      if (task !== undefined) {
        this.context.events.emit('checkpoint.progress', { task, done, total, what, seconds_left });
      }
    });
    const copied = await takeDatasets(datasets, link, {
      progress: (done, total) => meter.update(done, total, 'bytes of the dataset'),
      stopped: () => task !== undefined && this.stopped.has(task),
    });
    const exported = await this.exchange.export({
      checkpoint: checkpoint.id,
      format: 'pytorch',
      weights,
      keys: 'compiled',
      out: folder,
      overwrite: false,
      task,
    });
    const bundle: Bundle = {
      format: 'trm-studio-bundle',
      schema: 1,
      run: { id: run.id, name: run.name },
      step: standing.step,
      seconds: standing.seconds,
      iteration: plan.iteration,
      intervals: plan.intervals,
      weights: exported.weights,
      config: run.config,
      exported: new Date().toISOString(),
    };
    const files: [string, string][] = [
      // In place of the export's own, whose schedule is that of the run's beginning.
      [ALL_CONFIG, formatAllConfig(plan.config)],
      ['run.sh', runScript(run.name, run.id, { gpus, nodes })],
      ['README.md', readme(bundle, plan, { gpus, nodes }, link)],
      [SIDECAR, `${JSON.stringify(bundle, null, 2)}\n`],
    ];
    for (const [name, content] of files) await writeAtomically(join(folder, name), [Buffer.from(content)]);
    await chmod(join(folder, 'run.sh'), 0o755);
    return copied + exported.files.reduce((sum, file) => sum + file.bytes, 0);
  }

  /** What the checkpoint says of its place in the run. @throws StudioError `damaged` */
  private async standingOf(run: RunRecord, path: string): Promise<Standing & { seconds: number }> {
    const { store } = this.context;
    const facts = run.dataset === null ? null : (store.datasets.get(run.dataset)?.facts ?? null);
    const file = await SafetensorsFile.open(path);
    try {
      const { step, total_steps, seconds, sampler } = readDescription(path, file.header.metadata.trm ?? '{}');
      const { iteration, epoch, position } = sampler;
      return { step, total_steps, seconds, iteration, epoch, position, groups: facts?.train_groups ?? 0 };
    } finally {
      file.close();
    }
  }

  private checkpointOf(run: RunRecord, id: number | null): CheckpointRecord {
    const list = this.context.store.checkpoints.list(run.id);
    const found = id === null ? list[0] : list.find((c) => c.id === id);
    if (found) return found;
    throw new StudioError(
      'not_found',
      id === null
        ? `${run.name} has no checkpoint yet: let it train until one is saved, or save one now.`
        : `${run.name} has no checkpoint ${id}: it may have been removed for a newer one.`,
    );
  }

  /** Where the run's data lies on this machine. */
  private folders(run: RunRecord): { data: string[]; test: string[] } {
    const { store, home } = this.context;
    const dataset = run.dataset === null ? null : store.datasets.get(run.dataset);
    const own = run.config.data_paths.map((path) => resolve(path));
    const data = own.length ? own : dataset ? [absolutePath(home, dataset.path)] : [];
    const test = run.config.data_paths_test.map((path) => resolve(path));
    const gone = [...data, ...test].find((folder) => !existsSync(folder));
    if (gone !== undefined || !data.length) {
      throw new StudioError(
        'not_found',
        `The data of ${run.name} is gone (${gone ?? run.dataset_name}): a bundle needs it, so build or import it again.`,
      );
    }
    if (data.length > 1) {
      throw new StudioError(
        'bad_input',
        `${run.name} trains on ${data.length} dataset folders at once, and a bundle carries one: join them into one dataset first.`,
      );
    }
    return { data, test };
  }
}

async function refuseTaken(out: string): Promise<void> {
  if (!existsSync(out)) return;
  if (!statSync(out).isDirectory()) throw new StudioError('conflict', `${out} is a file: name a new folder.`);
  if ((await readdir(out)).length) {
    throw new StudioError('conflict', `${out} is not empty: name a new folder for the bundle.`);
  }
}

/** The bundle that a path belongs to: its folder, or a file below it; null if it is none. @throws StudioError `damaged` */
export function findBundle(path: string): { folder: string; bundle: Bundle; checkpoint: string | null } | null {
  const at = resolve(path);
  const isFolder = existsSync(at) && statSync(at).isDirectory();
  const places = isFolder ? [at, join(at, '..')] : [join(at, '..'), join(at, '..', '..')];
  const folder = places.find((place) => existsSync(join(place, SIDECAR)));
  if (folder === undefined) return null;
  let parsed: ReturnType<typeof BundleSchema.safeParse>;
  try {
    parsed = BundleSchema.safeParse(JSON.parse(readFileSync(join(folder, SIDECAR), 'utf8')));
  } catch {
    throw new StudioError(
      'damaged',
      `${join(folder, SIDECAR)} is no JSON: take it from the bundle as it was exported.`,
    );
  }
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new StudioError(
      'damaged',
      `${join(folder, SIDECAR)} is not what the studio wrote (${issue.path.join('.') || 'all of it'}): take it from the bundle as it was exported.`,
    );
  }
  return { folder, bundle: parsed.data, checkpoint: isFolder ? null : at };
}

/** The newest step_N of a folder. */
export function newestStep(folder: string): { path: string; step: number } | null {
  const steps = existsSync(folder) ? readdirSync(folder).map((name) => /^step_(\d+)$/.exec(name)) : [];
  const newest = steps.filter((m): m is RegExpExecArray => m !== null).sort((a, b) => Number(b[1]) - Number(a[1]))[0];
  return newest ? { path: join(folder, newest[0]), step: Number(newest[1]) } : null;
}
