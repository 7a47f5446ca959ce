/** `trm export`: a checkpoint of a run as the reference (or any reader of safetensors) takes it. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EXPORT_FORMATS } from '../../shared/checkpoint';
import { StudioError } from '../../shared/errors';
import type { CheckpointRecord } from '../../studio/repositories/checkpoints';
import { bestCheckpoint } from '../../studio/repositories/checkpoints';
import type { Studio } from '../../studio/studio';
import { checkpointAt, findRun, withStudio, type Globals } from '../open';
import { bytes, count, printJson, say } from '../output';
import { withTask } from '../task';
import { oneOf, UsageError, wholeNumber } from '../usage';

const FORMATS = [...EXPORT_FORMATS, 'bundle'] as const;

interface Flags extends Globals {
  format: string;
  out: string;
  weights: string;
  step?: string;
  best?: boolean;
  keys: string;
  force?: boolean;
  gpus: string;
  nodes: string;
  link?: boolean;
  epochs?: string;
}

const EXAMPLES = `
Examples:
  trm export my-run --format pytorch --out exported
  python pretrain.py … load_checkpoint=exported/step_5000
  trm export my-run --step 4000 --weights raw --format safetensors --out exported
  trm export my-run --format bundle --out to-cluster --gpus 8 --nodes 2
A bundle goes on in the reference on its own, and trm import-checkpoint takes it back: docs/cluster.md.`;

export function exportCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('export')
    .description('write a checkpoint as the PyTorch reference loads it, as safetensors, or as a bundle for a cluster')
    .argument('<run|checkpoint>', 'a run (its newest checkpoint), or a checkpoint file of the studio')
    .requiredOption('-f, --format <name>', FORMATS.join(', '))
    .requiredOption('-o, --out <dir>', 'folder for step_N, all_config.yaml and identifiers.json')
    .option('--weights <which>', 'ema (the averages, where the run has any) or raw', 'ema')
    .option('--step <n>', 'the checkpoint of this step instead of the newest')
    .option('--best', 'the best checkpoint instead of the newest')
    .option(
      '--keys <kind>',
      'compiled (_orig_mod.model.inner., the usual case) or plain (DISABLE_COMPILE=1)',
      'compiled',
    )
    .option('--force', 'write over files that are there')
    .option('--gpus <n>', 'bundle: GPUs of each node', '4')
    .option('--nodes <n>', 'bundle: nodes', '1')
    .option('--link', 'bundle: the dataset as a link instead of a copy, where the cluster sees the same disk')
    .option('--epochs <n>', 'bundle: the run’s whole length, to make it longer')
    .addHelpText('after', EXAMPLES)
    .action(async (text: string, _options: unknown, command: Command) => {
      exit(await run(text, command.optsWithGlobals<Flags>()));
    });
}

function run(text: string, flags: Flags): Promise<number> {
  const format = oneOf('--format', flags.format, FORMATS);
  const weights = oneOf('--weights', flags.weights, ['ema', 'raw'] as const);
  const keys = oneOf('--keys', flags.keys, ['compiled', 'plain'] as const);
  if (flags.step !== undefined && flags.best) throw new UsageError('--step and --best name different checkpoints.');
  return withStudio(flags, (studio) =>
    withTask(studio, async (task) => {
      const checkpoint = findCheckpoint(studio, text, flags);
      if (format === 'bundle') return exportBundle(studio, checkpoint, weights, task, flags);
      const report = await studio.dispatch('checkpoints.export', {
        checkpoint: checkpoint.id,
        format,
        weights,
        keys,
        out: resolve(flags.out),
        overwrite: flags.force ?? false,
        task,
      });
      if (flags.json) printJson({ event: 'exported', ...report });
      for (const file of report.files) say(`${file.path}  ${bytes(file.bytes)}`);
      const which = report.weights === 'ema' ? 'averaged (ema)' : 'raw';
      say(`Step ${count(report.step)}, ${which} weights.`);
    }),
  );
}

async function exportBundle(
  studio: Studio,
  checkpoint: CheckpointRecord,
  weights: 'ema' | 'raw',
  task: string,
  flags: Flags,
): Promise<void> {
  const report = await studio.dispatch('bundles.export', {
    run: checkpoint.run,
    checkpoint: checkpoint.id,
    out: resolve(flags.out),
    gpus: wholeNumber(flags.gpus, '--gpus', 1, 1024),
    nodes: wholeNumber(flags.nodes, '--nodes', 1, 1024),
    link: flags.link ?? false,
    weights,
    epochs: flags.epochs === undefined ? null : wholeNumber(flags.epochs, '--epochs', 1),
    task,
  });
  if (flags.json) printJson({ event: 'exported', format: 'bundle', ...report });
  for (const note of report.notes) say(note);
  say(
    `${report.folder}: from step ${count(report.step)} on, ${count(report.epochs)} epochs, ${bytes(report.bytes)}. Its README.md says how to start it and how it comes back.`,
  );
}

/** @throws StudioError `not_found` */
function findCheckpoint(studio: Studio, text: string, flags: Flags): CheckpointRecord {
  const { store } = studio.context;
  const file = checkpointAt(studio, text);
  if (file) {
    if (file.known) return file.known;
    throw new StudioError(
      'not_found',
      `${text} belongs to no run of this studio: bring it in with trm import-checkpoint first.`,
    );
  }
  const { id, name } = findRun(studio, text);
  const list = store.checkpoints.list(id);
  if (!list.length) throw new StudioError('not_found', `${name} has no checkpoint yet: train it first.`);
  if (flags.step !== undefined) {
    const step = wholeNumber(flags.step, '--step');
    const found = list.find((c) => c.step === step);
    if (found) return found;
    const steps = list.map((c) => count(c.step)).join(', ');
    throw new StudioError('not_found', `${name} has no checkpoint of step ${count(step)}: it has those of ${steps}.`);
  }
  return (flags.best ? bestCheckpoint(list) : null) ?? list[0];
}
