/** `trm eval`: a checkpoint on a dataset, or predictions made elsewhere, scored. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { FILES, readReport } from '../../core/evaluate/report';
import { scorePredictions } from '../../core/evaluate/predictions';
import { SAVED_OUTPUTS, type EvaluationPlan, type EvaluationReport, type SavedOutput } from '../../shared/evaluation';
import { fromWireError, StudioError } from '../../shared/errors';
import { DEFAULT_NOISE, DEFAULT_PATHS } from '../../shared/rollouts';
import { ProgressMeter } from '../../studio/datasets/progress';
import { absolutePath } from '../../studio/home';
import { newId } from '../../studio/ids';
import type { CheckpointRecord } from '../../studio/repositories/checkpoints';
import type { Studio } from '../../studio/studio';
import { checkpointAt, findRunOrStarter, withStudio, type Globals } from '../open';
import { count, duration, percent, print, printJson, say, table } from '../output';
import { ProgressLine } from '../progress';
import { rolloutsOf, type RolloutFlags } from '../rollouts';
import { EXIT, oneOf, UsageError, wholeNumber } from '../usage';

interface Flags extends Globals, RolloutFlags {
  checkpoint?: string;
  predictions?: string[];
  data?: string;
  out: string;
  saveOutputs?: string;
  weights: string;
  split: string;
  actSteps?: string;
  numAug?: string;
  batchSize?: string;
  poolVotes?: boolean;
  resume?: boolean;
}

const EXAMPLES = `
Examples:
  trm eval --checkpoint step_5000.safetensors --data data/arc1 --out results
  trm eval --checkpoint my-run --out results --save-outputs preds,q_halt_logits
  trm eval --checkpoint sudoku-9x9 --data data/sudoku --rollouts 8 --noise 0.6 --out results
  trm eval --predictions predictions.safetensors --data data/arc1 --out results
Writes metrics.json, evaluation.json and, for ARC, submission.json and votes.safetensors; docs/evaluation.md explains them.
Ctrl-C saves how far it has come; --resume goes on from there, also after a crash.`;

export function evalCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('eval')
    .description('evaluate a checkpoint, or score predictions made elsewhere')
    .option('-c, --checkpoint <file>', 'checkpoint file, or a run (its newest checkpoint)')
    .option(
      '-p, --predictions <file>',
      'safetensors, or the reference’s step_N_all_preds.0, with inputs, puzzle_identifiers, preds and q_halt_logits; may be repeated, one per process',
      (value: string, before: string[] | undefined) => [...(before ?? []), value],
    )
    .option('-d, --data <dir>', 'dataset folder, or the id or name of one of the studio (default: the run’s own)')
    .requiredOption('-o, --out <dir>', 'folder for the results')
    .option('--save-outputs <names>', `what to keep of every example, by commas: ${SAVED_OUTPUTS.join(', ')}`)
    .option('--weights <which>', 'ema or raw', 'ema')
    .option('--split <name>', 'test or train', 'test')
    .option('--act-steps <n>', 'ACT steps per example (default: as trained)')
    .option('--num-aug <n>', 'augmentations per puzzle that vote (default: all in the dataset)')
    .option('--batch-size <n>', 'examples per batch (default: by the model’s size)')
    .option('--rollouts <k>', `answer along k paths with noise and choose one (default with --noise: ${DEFAULT_PATHS})`)
    .option('--noise <sigma>', `deviation of the noise on z_H before each ACT step (default: ${DEFAULT_NOISE})`)
    .option(
      '--choose <how>',
      'the path of highest q_halt (q), or the answer of most paths (vote); scores of both are told',
    )
    .option('--noise-seed <n>', 'seed of the noise (default: 0)')
    .option('--pool-votes', 'add to the votes of the evaluation that lies in --out')
    .option('--resume', 'go on with the unfinished evaluation in --out')
    .addHelpText('after', EXAMPLES)
    .action(async (_options: unknown, command: Command) => {
      exit(await evaluate(command.optsWithGlobals<Flags>()));
    });
}

function evaluate(flags: Flags): Promise<number> {
  if ((flags.checkpoint === undefined) === (flags.predictions === undefined)) {
    throw new UsageError('trm eval needs either --checkpoint or --predictions.');
  }
  if (flags.predictions !== undefined) return score(flags, flags.predictions);
  const plan = planOf(flags);
  return withStudio(flags, (studio) => new CheckpointCommand(studio, flags, plan).run());
}

type Plan = Omit<EvaluationPlan, 'checkpoint' | 'data_path'>;

/** @throws UsageError */
function planOf(flags: Flags): Plan {
  const whole = (option: string, value: string | undefined, min: number, max: number): number | null =>
    value === undefined ? null : wholeNumber(value, option, min, max);
  if (flags.poolVotes && flags.split === 'train') {
    throw new UsageError('--pool-votes does not go with --split train: demonstrations are not voted on.');
  }
  const names = (flags.saveOutputs ?? '').split(',').filter((name) => name.trim() !== '');
  return {
    out: resolve(flags.out),
    split: oneOf('--split', flags.split, ['test', 'train'] as const),
    weights: oneOf('--weights', flags.weights, ['ema', 'raw'] as const),
    act_steps: whole('--act-steps', flags.actSteps, 1, 1024),
    augmentations: whole('--num-aug', flags.numAug, 0, 100_000),
    batch_size: whole('--batch-size', flags.batchSize, 1, 100_000),
    save_outputs: [...new Set(names.map((name): SavedOutput => oneOf('--save-outputs', name.trim(), SAVED_OUTPUTS)))],
    pool_votes: flags.poolVotes ?? false,
    rollouts: rolloutsOf(flags),
    resume: flags.resume ?? false,
    save_every_s: 20,
  };
}

/** Predictions made elsewhere: no tensors, so it is done here. */
async function score(flags: Flags, predictions: readonly string[]): Promise<number> {
  if (flags.data === undefined) throw new UsageError('--predictions needs --data: the dataset that they are for.');
  const misplaced = (
    [
      'saveOutputs',
      'actSteps',
      'numAug',
      'batchSize',
      'rollouts',
      'noise',
      'choose',
      'noiseSeed',
      'poolVotes',
      'resume',
    ] as const
  ).find((key) => flags[key] !== undefined);
  if (misplaced) {
    const option = `--${misplaced.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
    throw new UsageError(`${option} does not go with --predictions: nothing is predicted there.`);
  }
  const line = new ProgressLine();
  const meter = meterOn(line);
  let stopped = false;
  const interrupt = () => (stopped = true);
  process.once('SIGINT', interrupt);
  try {
    const data = existsSync(flags.data) ? flags.data : await withStudio(flags, async (s) => datasetPath(s, flags));
    const report = await scorePredictions(
      predictions.map((path) => resolve(path)),
      resolve(data),
      resolve(flags.out),
      {
        stopped: () => stopped,
        progress: (done, total) => meter.update(done, total, 'predictions'),
      },
    );
    line.clear();
    if (!report) return EXIT.interrupted;
    tell(flags, report, resolve(flags.out), null);
    return EXIT.ok;
  } finally {
    line.clear();
    process.off('SIGINT', interrupt);
  }
}

function meterOn(line: ProgressLine): ProgressMeter {
  return new ProgressMeter((done, total, what, left) =>
    line.update(done, total, `${count(done)} of ${count(total)} ${what}`, left),
  );
}

/** The folder of `--data`: one on the disk, or a dataset of the studio by id or name. @throws StudioError `not_found` */
function datasetPath(studio: Studio, { data }: Flags): string {
  if (existsSync(data as string)) return resolve(data as string);
  const known = studio.datasets.list().find((d) => d.id === data || d.name === data);
  if (known?.status === 'ready') return known.path;
  throw new StudioError('not_found', `There is no folder or dataset ${data}: trm datasets lists those of the studio.`);
}

class CheckpointCommand {
  private readonly line = new ProgressLine();
  private interrupted: NodeJS.Signals | null = null;
  private stop: () => void = () => undefined;

  constructor(
    private readonly studio: Studio,
    private readonly flags: Flags,
    private readonly plan: Plan,
  ) {}

  /** @returns the exit code */
  async run(): Promise<number> {
    const { studio, flags, plan } = this;
    const known = await this.findCheckpoint(flags.checkpoint as string);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    const listener = (signal: NodeJS.Signals) => {
      if (this.interrupted !== null) {
        studio.context.supervisor.tensor.kill();
        process.exit(EXIT.interrupted);
      }
      this.interrupted = signal;
      say('Saving how far it has come; once more ends it at once.');
      this.stop();
    };
    for (const signal of signals) process.on(signal, listener);
    try {
      const id = typeof known === 'string' ? (await this.unlisted(known), null) : await this.listed(known);
      this.line.clear();
      if (this.interrupted !== null) {
        say(`Stopped: the same command with --resume goes on from here.`);
        return this.interrupted === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
      }
      tell(flags, await readReport(plan.out), plan.out, id);
      return EXIT.ok;
    } finally {
      this.line.clear();
      for (const signal of signals) process.off(signal, listener);
    }
  }

  /** The checkpoint as a row of the studio, or the path of one that belongs to no run. */
  private async findCheckpoint(text: string): Promise<CheckpointRecord | string> {
    const file = checkpointAt(this.studio, text);
    if (!file) {
      if (text.includes('/') || /\.(safetensors|pt)$/.test(text)) {
        throw new StudioError('not_found', `${text} does not exist: name a checkpoint file or a run.`);
      }
      const run = await findRunOrStarter(this.studio, text);
      const [newest] = this.studio.context.store.checkpoints.list(run.id);
      if (newest) return newest;
      throw new StudioError('not_found', `${run.name} has no checkpoint yet: train it first.`);
    }
    return file.known ?? file.path;
  }

  /** Kept in the studio too. @returns the evaluation's id */
  private async listed(checkpoint: CheckpointRecord): Promise<string> {
    const { studio, flags, plan } = this;
    const { evaluations, context } = studio;
    const { split, weights, act_steps, augmentations, pool_votes, rollouts = null, ...extras } = plan;
    const asked = { split, weights, act_steps, augmentations, pool_votes, rollouts };
    const input = { checkpoint: checkpoint.id, dataset: null, ...asked };
    const data_path = flags.data === undefined ? undefined : datasetPath(studio, flags);
    // What lay in the same folder before is replaced there, and so here.
    const before = context.store.evaluations.list().filter((e) => absolutePath(studio.home, e.path) === plan.out);
    const finished = plan.resume && !existsSync(join(plan.out, FILES.progress));
    const meter = meterOn(this.line);
    const off = studio.events.on('evaluation.progress', (p) => meter.update(p.done, p.total, 'examples'));
    try {
      for (const e of before) await evaluations.delete(e.id);
      if (finished) say('There is nothing unfinished in the folder.');
      const { id } = evaluations.create(input, { ...extras, data_path });
      this.stop = () => {
        evaluations.cancel(id).catch((error: unknown) => studio.log.error('stopping', error));
      };
      const ended = await evaluations.ended(id);
      if (ended.status === 'failed') throw new StudioError('bad_input', ended.error ?? 'The evaluation failed.');
      return id;
    } finally {
      off();
    }
  }

  /** A checkpoint that belongs to no run: only files are written. */
  private async unlisted(checkpoint: string): Promise<void> {
    const { studio, flags, plan } = this;
    if (flags.data === undefined) {
      throw new UsageError(`${flags.checkpoint} belongs to no run of the studio: name its dataset with --data.`);
    }
    const data_path = datasetPath(studio, flags);
    const job = newId();
    const meter = meterOn(this.line);
    const { tensor } = studio.context.supervisor;
    this.stop = () => tensor.send({ type: 'stop', job });
    await new Promise<void>((done, fail) => {
      tensor.run(
        { type: 'evaluate', job, plan: { ...plan, checkpoint, data_path } },
        {
          onMessage: (message) => {
            if (message.type === 'progress') meter.update(message.done, message.total, message.what);
            else if (message.type === 'failed') fail(fromWireError(message.error));
            else if (message.type === 'done') done();
          },
          onLost: (sentence) => fail(new StudioError('unavailable', sentence)),
        },
      );
    });
  }
}

/** Shares are told as percentages, counts as they are. */
const isCount = (name: string): boolean => /^(count|steps|ARC\/tasks|ARC\/test_inputs)$/.test(name);

function tell(flags: Flags, report: EvaluationReport, out: string, id: string | null): void {
  const outcomes: Record<string, number> = {};
  for (const { outcome } of report.tasks) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  if (flags.json) {
    const { metrics, act_steps, by_views, notes, examples, seconds, step } = report;
    printJson({
      event: 'evaluation',
      evaluation: id,
      out,
      step,
      examples,
      seconds,
      metrics,
      act_steps,
      by_views,
      notes,
      outcomes,
    });
  }
  for (const note of report.notes) say(note);
  const rows = Object.entries(report.metrics).map(([name, value]) => [
    name,
    isCount(name) ? count(value) : /loss|distinct/.test(name) ? value.toPrecision(4) : percent(value),
  ]);
  if (!flags.json) print(table(['metric', 'value'], rows, [1]));
  say(`${count(report.examples)} examples in ${duration(report.seconds)}; the results are in ${out}.`);
}
