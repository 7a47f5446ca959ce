/** The contract, implemented: one handler per method; the type says if one is missing. */
import { parseAllConfig } from '../core/checkpoint/import/all-config';
import type { AppInfo } from '../shared/contract/app';
import type { Handlers, Parsed } from '../shared/contract';
import type { Context } from './context';
import type { Datasets } from './datasets/datasets';
import { doctorReport } from './doctor';
import { storedTasks, type Solves } from './solves/solves';
import type { Evaluations } from './evaluations/evaluations';
import { estimate, recipeSizes } from './estimate/estimate';
import { absolutePath } from './home';
import type { Imports } from './imports/imports';
import type { Starters } from './starters';
import { newRun } from './runs/create';
import { handleExport } from './metrics/handler';
import type { Bundles } from './bundles/bundles';
import { bringBack } from './bundles/bring-back';
import type { Exchange } from './runs/exchange';
import type { Runs } from './runs/runs';
import { checkpointInfos, runDetail, runFolder, runSummary } from './runs/summary';
import { deleteTask, saveTask } from './own-tasks';
import { getSettings, setSettings } from './settings';
import { sqliteVersion } from './db/open';
import { deleteSubset, listSubsets, taskDetail } from './tasks';
import type { Traces } from './traces';
import { deleteWithFiles } from './unfinished';
import { StudioError } from '../shared/errors';

export interface Services {
  context: Context;
  runs: Runs;
  datasets: Datasets;
  traces: Traces;
  evaluations: Evaluations;
  solves: Solves;
  imports: Imports;
  starters: Starters;
  info: { version: string; transport: AppInfo['transport']; runtimeReport: string | null };
  exchange: Exchange;
  bundles: Bundles;
  chooseImport: (input: Parsed<'import.choose'>) => Promise<{ paths: string[] } | null>;
  chooseCheckpoint: (input: Parsed<'checkpoints.choose'>) => Promise<{ path: string } | null>;
  chooseSave: (input: Parsed<'exports.choose_save'>) => Promise<{ path: string } | null>;
}

export function makeHandlers({
  context,
  runs,
  datasets,
  traces,
  evaluations,
  solves,
  imports,
  starters,
  info,
  exchange,
  bundles,
  chooseImport,
  chooseCheckpoint,
  chooseSave,
}: Services): Handlers {
  const { store, events, home, supervisor } = context;
  const summary = (id: string) => runSummary(store, runs.get(id));
  const told = (id: string) => {
    const changed = summary(id);
    events.emit('run.changed', changed);
    return changed;
  };
  return {
    'app.info': () => ({
      version: info.version,
      home: home.root,
      transport: info.transport,
      platform: `${process.platform} ${process.arch}`,
      first_run: store.runs.list().length === 0 && store.datasets.list().length === 0,
    }),
    'app.doctor': () =>
      doctorReport(
        {
          version: info.version,
          runtimeFile: info.runtimeReport,
          home: home.root,
          homeError: null,
          sqliteVersion: sqliteVersion(store.db),
        },
        supervisor,
      ),
    'app.compute': () => {
      supervisor.lookSoon();
      return supervisor.state();
    },
    'settings.get': () => getSettings(context),
    'settings.set': (patch) => setSettings(context, patch),

    'config.read': ({ name, text }) => parseAllConfig(text, name),

    'exports.choose_save': (input) => chooseSave(input),
    'exports.metrics': (input) => handleExport(store, runs.get(input.run), input),

    'tasks.subsets': () => listSubsets(context),
    'tasks.list': (filter) => store.tasks.list(filter),
    'tasks.get': ({ id }) => taskDetail(context, id),
    'tasks.save': (input) => saveTask(context, input),
    'tasks.delete': ({ id }) => deleteTask(context, id),
    'tasks.delete_subset': ({ subset }) => deleteSubset(context, subset),

    'import.begin': ({ arc_gen }) => imports.begin(arc_gen),
    'import.add_paths': ({ import: id, paths }) => imports.addPaths(id, paths),
    'import.add_files': ({ import: id, files }) => imports.addFiles(id, files),
    'import.preview': ({ import: id }) => imports.preview(id),
    'import.commit': ({ import: id, leave_out_bad }) => imports.commit(id, leave_out_bad),
    'import.cancel': ({ import: id }) => imports.cancel(id),
    'import.choose': (input) => chooseImport(input),

    'starters.list': () => starters.list(),
    'starters.install': ({ name }) => starters.install(name),

    'datasets.list': () => datasets.list(),
    'datasets.get': ({ dataset }) => datasets.get(dataset),
    'datasets.build': ({ name, recipe }) => datasets.build(name, recipe),
    'datasets.cancel': ({ dataset }) => {
      datasets.cancel(dataset);
      return {};
    },
    'datasets.delete': async ({ dataset }) => {
      await datasets.delete(dataset);
      return {};
    },
    'datasets.examples': (input) => datasets.examples(input),
    'datasets.read': ({ dataset, examples }) => datasets.read(dataset, examples),
    'datasets.report': ({ dataset }) => datasets.report(dataset),
    'datasets.check': ({ recipe }) => datasets.check(recipe),

    'runs.list': () => store.runs.list().map((run) => runSummary(store, run)),
    'runs.get': ({ run }) => runDetail(store, runs.get(run)),
    'runs.estimate': ({ config, dataset, recipe }) => {
      const facts = dataset === null ? null : datasets.record(dataset).facts;
      const from = recipe ?? (dataset === null ? null : datasets.record(dataset).recipe);
      if (facts) return estimate(store, config, facts);
      if (from) return estimate(store, config, recipeSizes(store, from));
      throw new StudioError('bad_input', 'An estimate needs a dataset or a recipe: choose one.');
    },
    'runs.create': (input) => runs.enqueue(newRun(context, datasets, input)),
    'runs.pause': ({ run }) => runs.pause(run),
    'runs.resume': ({ run }) => {
      // It may have failed, or been cut off, because its dataset could not be built: that is tried again with it.
      const { dataset } = runs.get(run);
      const record = dataset === null ? null : store.datasets.get(dataset);
      if (record?.status === 'failed' && record.recipe) datasets.build(record.name, record.recipe);
      return runs.resume(run);
    },
    'runs.stop': ({ run }) => runs.stop(run),
    'runs.save': ({ run }) => {
      runs.save(run);
      return {};
    },
    'runs.rename': ({ run, name }) => {
      runs.get(run);
      store.runs.update(run, { name });
      return told(run);
    },
    'runs.delete': async ({ run: id }) => {
      const deletable = () => {
        const run = runs.get(id);
        runs.refuseActive(run, 'deleted');
        const checkpoints = store.checkpoints.list(id);
        const ids = checkpoints.map((c) => c.id);
        solves.refuseWaiting(ids, run.name);
        return { run, checkpoints };
      };
      deletable();
      const evaluated = await evaluations.detachFrom(id);
      // An evaluation may take long to stop: the run may have been resumed meanwhile, or a solve begun from it.
      const { run, checkpoints } = deletable();
      const files = [...evaluated, ...traces.detachFrom({ run: id })];
      files.push(...checkpoints.map((c) => absolutePath(home, c.path)));
      if (run.config.checkpoint_path === null) files.push(runFolder(home, run));
      deleteWithFiles(context, files, () => store.runs.delete(id));
      events.emit('run.deleted', { run: id });
      return {};
    },
    'runs.metrics': ({ run, names }) => store.metrics.series(runs.get(run).id, names),
    'runs.checkpoints': ({ run }) => checkpointInfos(home, store.checkpoints.list(runs.get(run).id)),
    'runs.events': ({ run }) => store.events.list(runs.get(run).id),
    'runs.predictions': ({ run }) => store.predictions.list(runs.get(run).id),
    'runs.pin': ({ run, pinned }) => {
      runs.pin(run, pinned);
      return runDetail(store, runs.get(run));
    },

    'solves.list': () => solves.list(),
    'solves.get': ({ solve }) => solves.get(solve),
    'solves.create': ({ tasks, ...start }) => solves.create(storedTasks(context, tasks), start),
    'solves.create_from_import': async ({ import: id, ...start }) => solves.create(await imports.takeTasks(id), start),
    'solves.cancel': ({ solve }) => solves.cancel(solve),
    'solves.resume': ({ solve }) => solves.resume(solve),
    'solves.again': ({ solve, ...start }) => solves.again(solve, start),
    'solves.delete': async ({ solve }) => {
      await solves.delete(solve);
      return {};
    },

    'traces.list': (of) => traces.list(of),
    'traces.create': (input) => traces.create(input),
    'traces.read': ({ trace }) => traces.read(trace),
    'traces.attention': (input) => traces.attention(input),
    'traces.delete': ({ trace }) => {
      traces.delete(trace);
      return {};
    },

    'evaluations.list': ({ run }) => (run === undefined ? evaluations.list() : evaluations.listOf(run)),
    'evaluations.get': ({ evaluation }) => evaluations.get(evaluation),
    'evaluations.create': (input) => evaluations.create(input),
    'evaluations.cancel': ({ evaluation }) => evaluations.cancel(evaluation),
    'evaluations.resume': ({ evaluation }) => evaluations.resume(evaluation),
    'evaluations.delete': async ({ evaluation }) => {
      await evaluations.delete(evaluation);
      return {};
    },
    'evaluations.tasks': ({ evaluation }) => evaluations.tasks(evaluation),
    'evaluations.task': ({ evaluation, position }) => evaluations.task(evaluation, position),
    'evaluations.of_task': ({ name }) => store.evaluations.ofTask(name),
    'evaluations.compare': ({ a, b }) => evaluations.compare(a, b),

    'bundles.export': (input) => bundles.export(input),
    'bundles.bring_back': (input) => bringBack(context, runs, exchange, input),

    'checkpoints.inspect': (input) => exchange.inspect(input),
    'checkpoints.import': (input) => exchange.import(input),
    'checkpoints.export': (input) => exchange.export(input),
    'checkpoints.cancel': ({ task }) => {
      bundles.cancel(task);
      return {};
    },
    'checkpoints.choose': (input) => chooseCheckpoint(input),
  };
}
