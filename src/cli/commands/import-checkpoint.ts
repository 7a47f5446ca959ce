/** `trm import-checkpoint`: a step_N of the reference, or safetensors, becomes a run of the studio. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { RESULT } from '../../core/bundle/plan';
import type { ImportReport } from '../../shared/checkpoint';
import { archOfPreset } from '../../shared/architectures';
import { StudioError } from '../../shared/errors';
import { parseOverride } from '../../shared/hydra/overrides';
import { findBundle, newestStep } from '../../studio/bundles/bundles';
import type { Studio } from '../../studio/studio';
import { withStudio, type Globals } from '../open';
import { bytes, count, printJson, say } from '../output';
import { EXIT, UsageError } from '../usage';
import { withTask } from '../task';

interface Flags extends Globals {
  config?: string;
  data?: string;
  identifiers?: string;
  name?: string;
  dryRun?: boolean;
  metrics?: string;
  new?: boolean;
}

const EXAMPLES = `
Examples:
  trm import-checkpoint checkpoints/arc/step_155718 --data data/arc1concept-aug-1000
  trm import-checkpoint step_155718 --dry-run arch.L_cycles=4 arch.num_heads=8
all_config.yaml and identifiers.json are taken from the folder of the file. Without all_config.yaml the weights' shapes say most of
the config; KEY=VALUE sets what they do not show. docs/checkpoints.md has the whole of it.`;

export function importCheckpointCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('import-checkpoint')
    .description('make a run of a checkpoint of the reference (step_N), of safetensors, or of another studio')
    .argument('<file>', 'the checkpoint; or a bundle of trm export, whose result goes on with its run')
    .argument('[overrides...]', 'KEY=VALUE for what the checkpoint does not say, as in trm train')
    .option('--config <file>', 'its all_config.yaml (default: the one next to it)')
    .option('-d, --data <dir>', 'the dataset that the run gets: a folder, or the id or name of one of the studio')
    .option('--identifiers <file>', 'the identifiers.json of the data it was trained on (default: the one next to it)')
    .option('-n, --name <name>', 'name of the run')
    .option('--metrics <file>', 'of a bundle: the reference’s metrics, a W&B history as CSV or JSON lines')
    .option('--new', 'make a run of its own of a bundle’s result')
    .option('--dry-run', 'only look and explain')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, overrides: string[], _options: unknown, command: Command) => {
      exit(await bring(file, overrides, command.optsWithGlobals<Flags>()));
    });
}

function bring(given: string, texts: readonly string[], flags: Flags): Promise<number> {
  const overrides = overridesOf(texts);
  const bundle = findBundle(given);
  if (bundle && !flags.new) return bringBack(given, texts, flags);
  // With --new, the newest step_N of a bundle is a checkpoint like any other.
  const file = (bundle && !bundle.checkpoint && newestStep(join(bundle.folder, RESULT))?.path) || given;
  if (flags.metrics !== undefined) {
    throw new UsageError('--metrics goes with a bundle of trm export, whose run it continues: name the bundle.');
  }
  return withStudio(flags, async (studio) => {
    const input = {
      path: resolve(file),
      config: whole(flags.config),
      identifiers: whole(flags.identifiers),
      overrides,
      ...dataOf(studio, flags.data),
    };
    if (flags.dryRun) {
      const report = await studio.dispatch('checkpoints.inspect', input);
      if (flags.json) printJson({ event: 'inspected', ...report });
      explain(report);
      return EXIT.ok;
    }
    return withTask(studio, async (task) => {
      const { run, report } = await studio.dispatch('checkpoints.import', { ...input, name: flags.name ?? null, task });
      if (flags.json) printJson({ event: 'imported', run: run.id, ...report });
      explain(report);
      say(`The run is ${run.name} (${run.id}), ${run.status} at step ${count(run.step)}.`);
    });
  });
}

/** The reference's result of a bundle continues the run that the bundle was made of. */
function bringBack(file: string, texts: readonly string[], flags: Flags): Promise<number> {
  const other = (['config', 'data', 'identifiers', 'name', 'dryRun'] as const).find((key) => flags[key] !== undefined);
  if (other !== undefined || texts.length) {
    const what = other === undefined ? texts[0] : `--${other === 'dryRun' ? 'dry-run' : other}`;
    throw new UsageError(
      `${what} does not go with a bundle, which continues its run: with --new it becomes a run of its own.`,
    );
  }
  return withStudio(flags, (studio) =>
    withTask(studio, async (task) => {
      const back = await studio.dispatch('bundles.bring_back', {
        path: resolve(file),
        metrics: whole(flags.metrics),
        task,
      });
      if (flags.json) printJson({ event: 'brought_back', ...back, run: back.run.id, status: back.run.status });
      for (const note of back.notes) say(note);
      const points =
        flags.metrics === undefined
          ? 'no metrics were named (--metrics FILE)'
          : `${count(back.points)} points of metrics`;
      say(`${back.run.name} (${back.run.id}) is ${back.run.status} at step ${count(back.step)}, with ${points}.`);
    }),
  );
}

/** From the folder that the user is in. */
const whole = (path: string | undefined): string | null => (path === undefined ? null : resolve(path));

/** @throws UsageError */
function overridesOf(texts: readonly string[]): Record<string, unknown> {
  try {
    const parsed = texts.flatMap((text) => parseOverride(text));
    return Object.fromEntries(
      parsed.map((o) => {
        if (o.kind === 'set') return [o.field.path, o.value];
        const name = o.kind === 'arch' ? archOfPreset(o.name) : undefined;
        if (name) return ['arch.name', name];
        throw new UsageError(`"${o.text}" cannot be set here: use KEY=VALUE, such as arch.L_cycles=4.`);
      }),
    );
  } catch (error) {
    if (error instanceof StudioError) throw new UsageError(error.message);
    throw error;
  }
}

/** A folder on the disk goes before a name. */
function dataOf(studio: Studio, data: string | undefined): { dataset?: string; data_path?: string } {
  if (data === undefined) return {};
  if (existsSync(data)) return { data_path: resolve(data) };
  const known = studio.datasets.list().find((d) => d.id === data || d.name === data);
  if (known) return { dataset: known.id };
  throw new StudioError('not_found', `There is no folder or dataset ${data}: trm datasets lists those of the studio.`);
}

/** The report in people's words. */
function explain(report: ImportReport): void {
  const { arch } = report.config;
  const from = report.config_from ?? 'the weights’ shapes';
  say(
    `${report.path}: ${bytes(report.bytes)}, step ${count(report.step)}, ${count(report.parameters)} parameters of ${arch.name}.`,
  );
  say(`Config from ${from}: H_cycles ${arch.H_cycles}, L_cycles ${arch.L_cycles}, hidden_size ${arch.hidden_size}.`);
  for (const { key, value, why } of report.assumed) say(`  taken as ${key}=${JSON.stringify(value)}: ${why}`);
  if (report.embedding) say(report.embedding.sentence);
  for (const note of report.notes) say(note);
  for (const warning of report.warnings) say(`Warning: ${warning}`);
}
