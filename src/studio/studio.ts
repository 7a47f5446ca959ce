/** The studio: one object that every front (window, server, command line) opens, asks, listens to and closes. */
import type { AppInfo } from '../shared/contract/app';
import type { Handlers, Input, MethodName, Output, Parsed } from '../shared/contract';
import { fromWireError } from '../shared/errors';
import { appFiles } from './app-files';
import type { Context } from './context';
import { Datasets } from './datasets/datasets';
import { closeOnCrash } from './crash';
import { asStudioError, openDatabase } from './db/open';
import { dispatch, type Answer } from './dispatch';
import { Evaluations } from './evaluations/evaluations';
import { StudioEvents } from './emitter';
import { makeHandlers } from './handlers';
import { prepareHome, type StudioHome } from './home';
import { Imports } from './imports/imports';
import { JobQueue } from './jobs/queue';
import { openLog, type Log } from './log';
import { isAlive, ownerOf } from './owner';
import { defaultPins } from './runs/create';
import { Solves } from './solves/solves';
import { Starters } from './starters';
import { Bundles } from './bundles/bundles';
import { Exchange } from './runs/exchange';
import { markLost, toResume } from './runs/recover';
import { Runs } from './runs/runs';
import { openStore } from './store';
import { getSettings } from './settings';
import { computeEnv } from './supervisor/env';
import type { ComputeFactory, ComputeRole } from './supervisor/port';
import { Supervisor } from './supervisor/supervisor';
import { loadBundled } from './tasks';
import { Traces } from './traces';
import { removeLeft } from './left-files';
import { Watcher } from './watcher';

export interface StudioOptions {
  /** Absolute path of the studio home (home.ts: `resolveHome`). */
  home: string;
  transport: AppInfo['transport'];
  /** How compute processes are started; the log receives what they write on stdout and stderr. */
  compute: (log: Log) => ComputeFactory;
  /** The folder with the bundled tasks, by default the app's own; null does without them. */
  resources?: string | null;
  /** Set-up's report; by default the app's own. */
  runtimeReport?: string | null;
  chooseCheckpoint?: (input: Parsed<'checkpoints.choose'>) => Promise<{ path: string } | null>;
  chooseSave?: (input: Parsed<'exports.choose_save'>) => Promise<{ path: string } | null>;
  chooseImport?: (input: Parsed<'import.choose'>) => Promise<{ paths: string[] } | null>;
  /** Goes on with what a regular quit stopped. The command line trains only what it is asked to. */
  resumeAtStart?: boolean;
  /** How long `close` waits for a run to save and stop. */
  closeDeadlineMs?: number;
  /** How long a run, an evaluation or a solve may take to stop before its process is killed. */
  stopDeadlineMs?: number;
}

export interface Studio {
  home: StudioHome;
  log: Log;
  events: StudioEvents;
  handlers: Handlers;
  context: Context;
  runs: Runs;
  datasets: Datasets;
  exchange: Exchange;
  evaluations: Evaluations;
  solves: Solves;
  starters: Starters;
  imports: Imports;
  /** Checks a method's name and input and runs it. @throws StudioError, and nothing else */
  dispatch<M extends MethodName>(name: M, input: Input<M>): Promise<Output<M>>;
  dispatch(name: string, input: unknown): Promise<unknown>;
  /** The same for a wire: never throws. */
  answer(name: unknown, input: unknown): Promise<Answer>;
  /** Asks what runs to save and stop, waits for it, and closes the database. Can be called twice. */
  close(): Promise<void>;
}

/** Runs that other studios on this home are training at this moment. */
function trainingElsewhere(store: Context['store'], owner: string): number {
  const running = store.runs.active().filter((run) => run.status === 'running');
  return running.filter((run) => run.owner !== null && run.owner !== owner && isAlive(run.owner)).length;
}

const CLOSE_DEADLINE_MS = 60_000;

/**
 * Opens the studio at `home`, making it if it is new.
 * @throws StudioError with one sentence if the home cannot be written, or the database cannot be used
 */
export async function openStudio(options: StudioOptions): Promise<Studio> {
  const files = appFiles();
  const home = prepareHome(options.home);
  const log = openLog(home.logs);
  const db = openDatabase(home.database, { log });
  log.info(`TRM Studio ${files.version}, Node ${process.versions.node}, ${process.platform}`);
  const events = new StudioEvents((error) => log.error('an event listener failed', error));
  const store = openStore(db);
  const owner = ownerOf(process.pid);
  const env = (role: ComputeRole) => computeEnv(role, getSettings({ store }), trainingElsewhere(store, owner));
  const supervisor = new Supervisor(options.compute(log), log, events, { env });
  const context: Context = { home, store, events, log, supervisor, owner };

  const datasets = new Datasets(context, () => runs.pump());
  const runs: Runs = new Runs(context, (run) => datasetState(context, datasets, run), options.stopDeadlineMs);
  const traces = new Traces(context);
  const queue = new JobQueue(context, options.stopDeadlineMs);
  const evaluations = new Evaluations(context, queue);
  const solves = new Solves(context, queue, (solve) => traces.detachFrom({ solve }));
  const imports = new Imports(context, datasets);
  const exchange = new Exchange(context, datasets);
  const starters = new Starters(context, datasets, exchange, options.resources ?? files.resources);
  const bundles = new Bundles(context, exchange, (id) => runs.get(id));
  const handlers = makeHandlers({
    context,
    runs,
    datasets,
    traces,
    evaluations,
    solves,
    imports,
    starters,
    info: {
      version: files.version,
      transport: options.transport,
      runtimeReport: options.runtimeReport === undefined ? files.runtimeReport : options.runtimeReport,
    },
    exchange,
    bundles,
    chooseImport: options.chooseImport ?? (async () => null),
    chooseCheckpoint: options.chooseCheckpoint ?? (async () => null),
    chooseSave: options.chooseSave ?? (async () => null),
  });

  let closed: Promise<void> | null = null;
  let watcher: Watcher | null = null;
  let forget = (): void => undefined;
  const close = async () => {
    const deadline = options.closeDeadlineMs ?? CLOSE_DEADLINE_MS;
    // Whatever cannot be done (a full disk), the rest of it still is: a studio that stays half open is worse.
    const attempt = async (step: () => unknown): Promise<void> => {
      try {
        await step();
      } catch (error) {
        log.error('closing', error);
      }
    };
    const asks = [imports, runs, evaluations, solves, queue].map((service) => () => service.close());
    for (const ask of [() => datasets.builds.beginClose(), () => watcher?.close(), ...asks]) await attempt(ask);
    await attempt(() => Promise.race([runs.idle(), new Promise((resolve) => setTimeout(resolve, deadline).unref())]));
    await attempt(() => supervisor.close(5_000));
    await attempt(() => runs.closed());
    await attempt(() => traces.close());
    await attempt(() => datasets.close());
    await attempt(() => db.close());
    forget();
    log.info('closed');
  };
  try {
    if (options.resources !== null) await loadBundled(context, options.resources ?? files.resources);
    markLost(context);
    removeLeft(context);
    traces.recover();
    evaluations.recover(options.resumeAtStart ?? false);
    solves.recover(options.resumeAtStart ?? false);
    await datasets.builds.recover(options.resumeAtStart ?? false);
    watcher = new Watcher(context, [evaluations, solves], () => runs.pump());
    if (options.resumeAtStart) for (const run of toResume(context)) await runs.resume(run.id);
    queue.pump();
  } catch (error) {
    // What was begun by then is saved, and nothing holds the home.
    await close();
    throw asStudioError(error, home.database);
  }

  const studio: Studio = {
    home,
    log,
    events,
    handlers,
    context,
    runs,
    datasets,
    exchange,
    evaluations,
    solves,
    starters,
    imports,
    answer: (name, input) => dispatch(handlers, log, home.database, name, input),
    dispatch: async (name: string, input: unknown) => {
      const answer = await dispatch(handlers, log, home.database, name, input);
      if ('error' in answer) throw fromWireError(answer.error);
      return answer.result as never;
    },
    close: () => (closed ??= close()),
  };
  forget = closeOnCrash(studio);
  return studio;
}

/** Whether a run's data is there; at the first time that it is, examples are pinned if nobody chose any. */
function datasetState(context: Context, datasets: Datasets, run: Parameters<ConstructorParameters<typeof Runs>[1]>[0]) {
  const dataset = run.dataset === null ? null : context.store.datasets.get(run.dataset);
  if (!dataset) {
    const error =
      run.dataset_name === ''
        ? `${run.name} was imported without a dataset: import its checkpoint again with the data to train on.`
        : `The dataset ${run.dataset_name} is gone: build it again and start a new run.`;
    return { ready: false, error };
  }
  if (dataset.status === 'failed')
    return { ready: false, error: `The dataset ${dataset.name} could not be built: ${dataset.error}` };
  if (dataset.status === 'building') {
    datasets.builds.takeOver(dataset);
    return { ready: false, error: null };
  }
  if (dataset.facts && (run.grid_rows !== dataset.facts.rows || run.grid_columns !== dataset.facts.columns)) {
    context.store.runs.update(run.id, { grid_rows: dataset.facts.rows, grid_columns: dataset.facts.columns });
  }
  if (!run.pinned.length && run.step === 0)
    context.store.runs.update(run.id, { pinned: defaultPins(datasets, dataset.id) });
  return { ready: true, error: null };
}
