import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { configDiff, getPath } from '../../shared/config-fields';
import { defaultConfig } from '../../shared/config';
import type { RunSummary } from '../../shared/contract/runs';
import { presetConfig } from '../../shared/presets';
import type { RunRecord } from '../../studio/repositories/runs';
import { checkpointInfos, runDetail, runSummary } from '../../studio/runs/summary';
import type { Studio } from '../../studio/studio';
import { findRun, withStudio, type Globals } from '../open';
import { tellResults } from '../compare-results';
import { bytes, count, decimal, duration, percent, print, printJson, say, table } from '../output';
import { UsageError } from '../usage';
import { runsExportCommand } from './runs-export';

export function runsCommand(program: Command): void {
  const runs = program.command('runs').description('list, show, compare, export and delete runs');
  runs
    .command('list', { isDefault: true })
    .description('all runs, newest first')
    .action((_o: unknown, command: Command) =>
      withStudio(command.optsWithGlobals<Globals>(), async (studio) => list(studio, command)),
    );
  runs
    .command('show')
    .description('one run: config, checkpoints, events; with --json also every metric')
    .argument('<run>', 'id, the beginning of it, or name')
    .action((run: string, _o: unknown, command: Command) =>
      withStudio(command.optsWithGlobals<Globals>(), async (studio) => show(studio, run, command)),
    );
  runs
    .command('compare')
    .description('what differs in config and in result')
    .argument('<runs...>', 'two or more runs')
    .action((ids: string[], _o: unknown, command: Command) =>
      withStudio(command.optsWithGlobals<Globals>(), async (studio) => compare(studio, ids, command)),
    );
  runsExportCommand(runs);
  runs
    .command('delete')
    .description('delete runs with their checkpoints and traces')
    .argument('<runs...>', 'runs to delete')
    .option('-y, --yes', 'do not ask')
    .action((ids: string[], _o: unknown, command: Command) =>
      withStudio(command.optsWithGlobals<Globals>(), (studio) => remove(studio, ids, command)),
    );
}

const wantsJson = (command: Command): boolean => command.optsWithGlobals<Globals>().json ?? false;

function list(studio: Studio, command: Command): void {
  const { store } = studio.context;
  const summaries = store.runs.list().map((run) => runSummary(store, run));
  if (wantsJson(command)) return summaries.forEach(printJson);
  if (!summaries.length) return say('There are no runs yet: trm train --preset sudoku-4x4 makes one.');
  print(
    table(
      ['id', 'name', 'status', 'step', 'of', 'exact', 'best', 'loss', 'time', 'dataset'],
      summaries.map((r) => [
        r.id,
        r.name,
        r.status,
        count(r.step),
        count(r.total_steps),
        ...results(r),
        duration(r.seconds),
        r.dataset_name,
      ]),
      [3, 4, 5, 6, 7, 8],
    ),
  );
}

const results = (r: RunSummary): string[] => [
  percent(r.last_exact_accuracy),
  percent(r.best_exact_accuracy),
  decimal(r.last_lm_loss),
];

function show(studio: Studio, text: string, command: Command): void {
  const { store } = studio.context;
  const run = findRun(studio, text);
  const detail = runDetail(store, run);
  const checkpoints = checkpointInfos(studio.home, store.checkpoints.list(run.id));
  const events = store.events.list(run.id);
  if (wantsJson(command)) {
    const metrics = store.metrics.series(run.id).map(({ name, steps, seconds, values }) => ({
      name,
      steps: [...steps],
      seconds: [...seconds],
      values: [...values],
    }));
    return printJson({ ...detail, checkpoints, events, metrics });
  }
  print(`${run.name} (${run.id}) is ${run.status}${run.reason ? `: ${run.reason}` : ''}`);
  print(
    `step ${count(run.step)} of ${count(run.total_steps)} in ${duration(run.seconds)}, dataset ${run.dataset_name}`,
  );
  const [exact, best, loss] = results(detail);
  print(`exact accuracy ${exact}, best ${best}, loss ${loss}`);
  const base = run.preset ? presetConfig(run.preset) : defaultConfig();
  const changed = configDiff(run.config, base);
  print(`\nConfig, against ${run.preset ? `the preset ${run.preset}` : 'the defaults'}:`);
  print(changed.length ? changed.map((path) => `  ${path}=${shown(run, path)}`).join('\n') : '  nothing is changed');
  if (checkpoints.length) {
    print('\nCheckpoints:');
    const rows = checkpoints.map((c) => [
      count(c.step),
      percent(c.exact_accuracy),
      bytes(c.bytes),
      c.best ? 'best' : '',
      c.path,
    ]);
    print(table(['step', 'exact', 'size', '', 'file'], rows, [0, 1, 2]));
  }
  if (events.length) {
    print('\nEvents:');
    print(
      events
        .map((e) => `  ${localTime(e.time)}  ${e.step === null ? '' : `step ${count(e.step)}: `}${e.message}`)
        .join('\n'),
    );
  }
}

/** `2026-11-25 13:30:36`, in the machine's own time zone. */
const localTime = (iso: string): string => new Date(iso).toLocaleString('sv-SE');

const shown = (run: RunRecord, path: string): string => JSON.stringify(getPath(run.config, path)) ?? 'null';

function compare(studio: Studio, ids: readonly string[], command: Command): void {
  if (ids.length < 2) throw new UsageError('runs compare needs two runs or more.');
  const runs = ids.map((id) => findRun(studio, id));
  const paths = [...new Set(runs.slice(1).flatMap((run) => configDiff(runs[0].config, run.config)))];
  if (wantsJson(command)) {
    for (const run of runs) {
      const config = Object.fromEntries(paths.map((p) => [p, getPath(run.config, p)]));
      printJson({ ...runSummary(studio.context.store, run), config });
    }
    return tellResults(studio, runs, true);
  }
  const row = (title: string, of: (run: RunRecord) => string) => [title, ...runs.map(of)];
  print(
    table(
      ['', ...runs.map((run) => run.name)],
      [
        row('id', (r) => r.id),
        row('status', (r) => r.status),
        row('step', (r) => count(r.step)),
        row('time', (r) => duration(r.seconds)),
        row('exact accuracy', (r) => percent(r.last_exact_accuracy)),
        row('best exact accuracy', (r) => percent(r.best_exact_accuracy)),
        row('loss', (r) => decimal(r.last_lm_loss)),
        row('dataset', (r) => r.dataset_name),
        ...paths.map((path) => row(path, (r) => shown(r, path))),
      ],
    ),
  );
  tellResults(studio, runs, false);
}

async function remove(studio: Studio, ids: readonly string[], command: Command): Promise<void> {
  const runs = ids.map((id) => findRun(studio, id));
  for (const run of runs) studio.runs.refuseActive(run, 'deleted');
  const names = runs.map((run) => `${run.name} (${run.id})`).join(', ');
  if (!command.opts<{ yes?: boolean }>().yes && !(await agreed(`Delete ${names} with all checkpoints?`))) {
    return say('Nothing was deleted.');
  }
  for (const run of runs) {
    await studio.dispatch('runs.delete', { run: run.id });
    if (wantsJson(command)) printJson({ event: 'deleted', run: run.id });
  }
  say(`Deleted ${names}.`);
}

/** @throws UsageError where nobody can be asked */
async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('Deleting needs --yes where nobody can be asked.');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
