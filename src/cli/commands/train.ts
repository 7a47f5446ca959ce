/** `trm train KEY=VALUE …`: trains in a forked compute process, and records in the same store as the app. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { TrainConfig } from '../../shared/config';
import type { DatasetRecipe } from '../../shared/dataset';
import { findPreset } from '../../shared/presets';
import type { RunRecord } from '../../studio/repositories/runs';
import { newRun } from '../../studio/runs/create';
import type { Studio } from '../../studio/studio';
import { dryRun } from '../dry-run';
import { findTrainingData } from '../find-data';
import { findRun, openForCommand, type Globals } from '../open';
import { say } from '../output';
import { printConfig } from '../print-config';
import { trainConfig } from '../train-config';
import { TrainingReport } from '../training-report';
import { EXIT, positive, UsageError, wholeNumber } from '../usage';

interface TrainOptions extends Globals {
  data?: string[];
  preset?: string;
  config?: string;
  printConfig?: boolean;
  dryRun?: boolean;
  maxSteps?: string;
  maxMinutes?: string;
  resume?: string;
  name?: string;
  tensorboard?: string;
}

const EXAMPLES = `
Keys are those of the reference's hydra config (arch.L_cycles=4, lr=1e-4, +run_name=x, data_paths="[D]", ema=True). Its
command lines can be pasted whole, with torchrun … pretrain.py in front.
Examples:
  trm train --preset sudoku-4x4
  trm train arch=trm data_paths="[data/arc1]" arch.L_layers=2 arch.H_cycles=3 arch.L_cycles=4 +run_name=arc ema=True
  trm train --config checkpoints/x/all_config.yaml --data data/arc1 --print-config
  trm train --resume arc --max-steps 20000
Ctrl-C saves a checkpoint and stops (exit code 130); a second one ends at once, and --resume goes on from the last checkpoint.`;

export function trainCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('train')
    .description('train a model; the run appears in the app too')
    .argument('[overrides...]', 'KEY=VALUE, as the reference takes them')
    .option(
      '-d, --data <dir>',
      'dataset folder, or the id or name of a dataset of the studio; may be repeated',
      collect,
    )
    .option('-p, --preset <name>', 'start from a preset; those for a laptop make their own data')
    .option('-c, --config <file>', 'start from an all_config.yaml, as the reference writes it next to its checkpoints')
    .option('--print-config', 'show the config with the origin of every value, and train nothing')
    .option('--dry-run', 'say whether it fits this machine and how long it takes, and train nothing')
    .option('--max-steps <n>', 'stop after this many optimizer steps; epochs may end a new run earlier')
    .option('--max-minutes <m>', 'stop after this much training time')
    .option('--resume <run>', 'continue a run (id, the beginning of it, or name) from its newest checkpoint')
    .option('--name <name>', 'name of the run')
    .option('--tensorboard <dir>', 'also write TensorBoard events there while it trains, one folder per run')
    .addHelpText('after', EXAMPLES)
    .action(async (overrides: string[], _options: TrainOptions, command: Command) => {
      exit(await train(overrides, command.optsWithGlobals<TrainOptions>()));
    });
}

/** Repeated options gather. Not variadic: `--data DIR lr=1e-4` must leave the override alone. */
const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

/** @returns the exit code */
async function train(overrides: readonly string[], options: TrainOptions): Promise<number> {
  if (options.printConfig) {
    if (options.resume !== undefined)
      throw new UsageError('--print-config does not go with --resume: trm runs show RUN shows its config.');
    const { layered, data } = configOf(overrides, options);
    printConfig(layered, data, options.json ?? false);
    return EXIT.ok;
  }
  if (options.dryRun) {
    if (options.resume !== undefined)
      throw new UsageError('--dry-run does not go with --resume: the run has shown it.');
    const { config, data, recipe } = newConfig(overrides, options);
    return dryRun(config, data, recipe, options);
  }
  const plan = options.resume === undefined ? planNew(overrides, options) : planResume(overrides, options);
  const studio = await openForCommand(options);
  // Heard from here on: a signal while the data is being built must not end the process in the middle of it.
  const signals = listenToSignals(studio);
  try {
    const { run, begin } = plan(studio);
    const report = new TrainingReport(studio, run, options.json ?? false);
    signals.run = run;
    await begin();
    await studio.runs.idle();
    const status = report.end();
    if (signals.received !== null) return signals.received === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
    return status === 'done' ? EXIT.ok : EXIT.failed;
  } finally {
    await studio.close();
    signals.stop();
  }
}

/** The run is named first and begun when the report listens, so that it misses nothing. */
type Plan = (studio: Studio) => { run: string; begin: () => unknown };

/** What the options and overrides come to, before anything is opened. */
function configOf(overrides: readonly string[], options: TrainOptions) {
  const layered = trainConfig({ overrides, preset: options.preset, config: options.config });
  const { config } = layered;
  const origins = new Map(layered.origins);
  for (const path of limit(config, options)) origins.set(path, { from: 'option', text: OPTION_OF[path] });
  if (config.data_paths.length && options.data?.length && origins.get('data_paths')?.from === 'override') {
    throw new UsageError('The data is named twice, by --data and by data_paths: use one of them.');
  }
  const data = options.data ?? config.data_paths;
  if (options.data?.length) {
    // A config's own folders are those of the machine that it was written on.
    config.data_paths = options.data.every((folder) => existsSync(folder)) ? options.data : [];
    origins.set('data_paths', { from: 'dataset', text: options.data.map((d) => `--data ${d}`).join(' ') });
  }
  return { layered: { ...layered, origins }, data };
}

const OPTION_OF: Readonly<Record<string, string>> = {
  'studio.max_steps': '--max-steps',
  'studio.max_minutes': '--max-minutes',
  'studio.tensorboard_dir': '--tensorboard',
};

/** Checks everything that can be checked before the store is opened. */
function newConfig(overrides: readonly string[], options: TrainOptions) {
  const { layered, data } = configOf(overrides, options);
  const { config } = layered;
  for (const note of layered.notes) say(note);
  const preset = options.preset === undefined ? null : findPreset(options.preset);
  const recipe: DatasetRecipe | null = data.length ? null : (preset?.recipe ?? null);
  if (!data.length && !recipe) {
    throw new UsageError(
      `${preset ? `The preset ${preset.name} needs data that is not bundled` : 'There is no data to train on'}: name a dataset folder with --data DIR or data_paths="[DIR]"${preset ? '' : ', or use --preset sudoku-4x4, which makes its own'}.`,
    );
  }
  return { config, data, preset, recipe };
}

function planNew(overrides: readonly string[], options: TrainOptions): Plan {
  const { config, data, preset, recipe } = newConfig(overrides, options);
  const name = options.name ?? (config.run_name || null) ?? preset?.name ?? 'train';
  return (studio) => {
    const { dataset, folders } = findTrainingData(studio, data);
    const run = newRun(studio.context, studio.datasets, {
      name,
      preset: preset?.name ?? null,
      config: { ...config, data_paths: folders, data_paths_test: config.data_paths_test.map((p) => resolve(p)) },
      dataset,
      recipe,
    });
    return { run: run.id, begin: () => studio.runs.enqueue(run) };
  };
}

/** The one key that a run may change when it goes on: how much is computed at once, not what. */
const MICRO_BATCH = 'studio.micro_batch=';

function planResume(overrides: readonly string[], options: TrainOptions): Plan {
  const part = overrides.find((text) => text.startsWith(MICRO_BATCH));
  const given = [
    overrides.find((text) => text !== part) ?? false,
    options.preset !== undefined && '--preset',
    options.data !== undefined && '--data',
    options.config !== undefined && '--config',
  ].find((x) => x);
  if (given) {
    throw new UsageError(
      `${given} does not go with --resume: a run keeps its config and data; only --max-steps, --max-minutes, --tensorboard, --name and studio.micro_batch=N may change.`,
    );
  }
  return (studio) => {
    const run = findRun(studio, options.resume as string);
    studio.runs.refuseActive(run, 'resumed');
    const config = structuredCopy(run.config);
    limit(config, options);
    if (part !== undefined) {
      config.studio.micro_batch = wholeNumber(part.slice(MICRO_BATCH.length), 'studio.micro_batch', 0, 65_536);
    }
    if (options.maxSteps !== undefined) extend(config, run);
    studio.context.store.runs.update(run.id, {
      config,
      ...(options.name === undefined ? {} : { name: options.name }),
      // More steps were given: the end that it had reached is none any more.
      ...(run.status === 'done' && limitsDiffer(run.config, config) ? { status: 'stopped' as const } : {}),
    });
    return { run: run.id, begin: () => studio.runs.resume(run.id) };
  };
}

/** Makes room for `max_steps` in a run whose epochs would end it before. */
function extend(config: TrainConfig, run: RunRecord): void {
  const steps = config.studio.max_steps;
  if (steps <= run.step) {
    throw new UsageError(
      `--max-steps is ${steps}: the run ${run.name} has done ${run.step} steps, so give a larger number.`,
    );
  }
  const every = config.eval_interval;
  if (run.total_steps === 0 || steps <= run.total_steps || every === null) return;
  const before = config.epochs;
  // One interval more than the share, since the last incomplete batch of each is dropped.
  config.epochs = (Math.ceil((before * steps) / run.total_steps / every) + 1) * every;
  const schedule = config.lr_min_ratio < 1 ? ', which stretches the learning-rate schedule' : '';
  say(`${steps} steps need more epochs: ${before} become ${config.epochs}${schedule}.`);
}

const structuredCopy = (config: TrainConfig): TrainConfig => JSON.parse(JSON.stringify(config)) as TrainConfig;

const limitsDiffer = (a: TrainConfig, b: TrainConfig): boolean =>
  a.studio.max_steps !== b.studio.max_steps || a.epochs !== b.epochs || a.studio.max_minutes !== b.studio.max_minutes;

/** @returns the keys that the options set */
function limit(config: TrainConfig, options: TrainOptions): string[] {
  const set: string[] = [];
  if (options.maxSteps !== undefined) {
    config.studio.max_steps = wholeNumber(options.maxSteps, '--max-steps', 1, 100_000_000);
    set.push('studio.max_steps');
  }
  if (options.maxMinutes !== undefined) {
    config.studio.max_minutes = positive(options.maxMinutes, '--max-minutes');
    set.push('studio.max_minutes');
  }
  if (options.tensorboard !== undefined) {
    config.studio.tensorboard_dir = resolve(options.tensorboard);
    set.push('studio.tensorboard_dir');
  }
  return set;
}

/** The first signal saves and stops, the second ends everything at once. */
function listenToSignals(studio: Studio) {
  const state = { run: null as string | null, received: null as NodeJS.Signals | null, stop: () => undefined as void };
  const listener = (signal: NodeJS.Signals) => {
    if (state.received !== null) {
      studio.context.supervisor.tensor.kill();
      studio.context.supervisor.build.kill();
      process.exit(signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated);
    }
    state.received = signal;
    say('Saving and stopping; once more ends it at once, and what was saved stays saved.');
    stopRun(studio, state.run).catch((error: unknown) => studio.log.error('stopping', error));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, listener);
  state.stop = () => signals.forEach((signal) => process.off(signal, listener));
  return state;
}

async function stopRun(studio: Studio, run: string | null): Promise<void> {
  if (run === null) return;
  const { dataset } = await studio.runs.stop(run);
  const record = dataset === null ? null : studio.context.store.datasets.get(dataset);
  if (record?.status === 'building') studio.datasets.cancel(record.id);
}
