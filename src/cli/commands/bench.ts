/** `trm bench`: how fast this machine trains, evaluates and traces, and whether a long run stays as it was. */
import { cpus } from 'node:os';
import { Option, type Command } from 'commander';
import { BENCH_NAMES, benchModel, type BenchName } from '../../core/bench/configs';
import type { Timing } from '../../core/bench/measure';
import type { StepProfile } from '../../core/bench/run-metadata';
import type { SoakResult, SoakSample } from '../../core/bench/soak';
import { toWireError } from '../../shared/errors';
import { usableThreads } from '../../core/backend/threads';
import { isTorch, MODES, runOwn, runStep, stepJobs, withTracing, type Mode, type OwnJob } from '../bench/jobs';
import { runOne } from '../bench/one';
import { benchGraph, type GraphOptions } from '../bench/graph';
import { ratios, resultRecord, stepTable, type Peaks, type StepResult } from '../bench/report';
import type { Globals } from '../open';
import { bytes, count, print, printJson, say, table } from '../output';
import { chosen, EXIT, wholeNumber } from '../usage';

interface BenchOptions extends Globals {
  config?: string[];
  modes?: string[];
  torch?: string;
  steps?: string;
  warm?: string;
  batch?: string;
  eager?: boolean;
  dtype?: string;
}

/** @returns the command, for those of other benchmarks */
export function benchCommand(program: Command, exit: (code: number) => void): Command {
  const bench = program.command('bench').description('measure this machine: steps, evaluation, traces, long runs');
  const common = (command: Command): Command =>
    command
      .option('--config <names...>', `models to measure: ${BENCH_NAMES.join(', ')} (default: all)`)
      .option('--steps <n>', 'measured repetitions (default: 10)')
      .option('--warm <n>', 'repetitions before those (default: 3)')
      .option('--batch <n>', 'another batch size than the model’s own');
  common(bench.command('step'))
    .description('a training step: op by op, as a recorded graph in float32 and bfloat16, and in PyTorch')
    .option('--modes <names...>', `what to measure: ${MODES.map((m) => `"${m}"`).join(', ')}`)
    .option('--torch <python>', 'a Python with PyTorch, to measure the same step there')
    .action(async (_: unknown, command: Command) => exit(await benchStep(command.optsWithGlobals<BenchOptions>())));
  common(bench.command('eval'))
    .description('evaluation through all ACT steps: samples per second')
    .action(async (_: unknown, command: Command) => exit(await benchEval(command.optsWithGlobals<BenchOptions>())));
  common(bench.command('trace'))
    .description('one example with everything that playback shows: seconds per trace')
    .action(async (_: unknown, command: Command) => exit(await benchTrace(command.optsWithGlobals<BenchOptions>())));
  common(bench.command('profile'))
    .description('what each kind of op of a recorded step takes, and on which device')
    .option('--dtype <name>', 'float32 or bfloat16 (default: both, where the machine gains from bfloat16)')
    .action(async (_: unknown, command: Command) => exit(await benchProfile(command.optsWithGlobals<BenchOptions>())));
  bench
    .command('graph')
    .description('the graph of a training step, recorded and counted without running it')
    .option('--config <names...>', `models to record: ${BENCH_NAMES.join(', ')} (default: all)`)
    .option('--batch <n>', 'another batch size than the model’s own')
    .option('--device-memory <size>', 'for a GPU with this much memory, such as 80GB (default: this machine)')
    .option('--dtype <name>', 'float32 or bfloat16 (default: bfloat16 where the device gains from it)')
    .option('--measure', 'take three steps here too and say what memory they held')
    .action(async (_: unknown, command: Command) => exit(await benchGraph(command.optsWithGlobals<GraphOptions>())));
  bench
    .command('soak')
    .description('a long run of a tiny model: tensors, native handles, memory and speed must stay as they were')
    .option('--steps <n>', 'how long (default: 20000)')
    .addOption(new Option('--eager', 'op by op instead of as a recorded graph'))
    .action(async (_: unknown, command: Command) => exit(await benchSoak(command.optsWithGlobals<BenchOptions>())));
  bench
    .command('one', { hidden: true })
    .argument('<job>')
    .action(async (job: string) => {
      await runOne(JSON.parse(job) as OwnJob);
    });
  return bench;
}

const runsOf = ({ steps, warm, batch }: BenchOptions) => ({
  steps: wholeNumber(steps ?? '10', '--steps', 1),
  warm: wholeNumber(warm ?? '3', '--warm', 0),
  ...(batch === undefined ? {} : { batch: wholeNumber(batch, '--batch', 1, 65_536) }),
});

const peakJob = (dtype: OwnJob['dtype']): OwnJob => {
  return { what: 'peak', config: 'small', execution: 'recorded', dtype, warm: 0, steps: 0 };
};

async function measurePeaks(): Promise<Peaks & { version: string }> {
  const { flops, version } = await runOwn<{ flops: number; version: string }>(peakJob('float32'));
  const low = await runOwn<{ flops: number | null }>(peakJob('bfloat16'));
  return { float32: flops, bfloat16: low.flops, version };
}

async function benchStep(options: BenchOptions): Promise<number> {
  const { json, torch } = options;
  const configs = chosen(options.config, BENCH_NAMES, '--config');
  const all: readonly Mode[] = torch ? MODES : MODES.filter((mode) => !isTorch(mode));
  const modes = chosen(options.modes, all, '--modes');
  const runs = runsOf(options);
  // --threads has set the variable.
  const threads = Number(process.env.TF_NUM_INTRAOP_THREADS) || usableThreads();
  const peaks = await measurePeaks();
  const machine = { cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: cpus().length, threads };
  if (json) printJson({ event: 'machine', ...machine, ...peaks });
  else {
    const low = peaks.bfloat16 === null ? '' : `, ${(peaks.bfloat16 / 1e9).toFixed(0)} in bfloat16`;
    print(`${machine.cpu}, ${count(threads)} threads, ${peaks.version}`);
    print(`Matrix products reach ${(peaks.float32 / 1e9).toFixed(0)} GFLOP/s in float32${low}.\n`);
  }
  const results: StepResult[] = [];
  for (const job of stepJobs(configs, modes)) {
    say(`${job.config}, ${job.mode} …`);
    const batch = runs.batch ?? benchModel(job.config, 'float32').config.global_batch_size;
    const result: StepResult = { ...job, batch, timing: null, error: null };
    try {
      result.timing = await runStep(job, runs, torch ? { python: torch, threads } : null);
    } catch (error) {
      result.error = toWireError(error).message;
      say(result.error);
    }
    results.push(result);
    if (json) printJson(resultRecord(result, peaks));
  }
  const compared = ratios(results, configs);
  if (json) {
    printJson({ event: 'summary', ratios: compared });
  } else {
    print(stepTable(results, peaks, configs));
    const lines = compared.map(({ config, what, value }) => `${config}: ${what} ${value.toFixed(2)}×`);
    if (lines.length) print(`\n${lines.join('\n')}`);
  }
  return results.some((result) => result.timing) ? EXIT.ok : EXIT.failed;
}

async function benchEval(options: BenchOptions): Promise<number> {
  return measureEach(options, 'eval', ['eager', 'recorded'], (timing, config, batch) => {
    const samples = (batch * 1000) / timing.median_ms;
    return [`${samples.toPrecision(3)} samples/s, ${acts(config)} ACT steps each`, { samples_per_s: samples }];
  });
}

async function benchTrace(options: BenchOptions): Promise<number> {
  return measureEach(options, 'trace', ['recorded'], (timing, config) => {
    const seconds = timing.median_ms / 1000;
    return [`${seconds.toPrecision(3)} s per trace of ${acts(config)} ACT steps`, { seconds_per_trace: seconds }];
  });
}

const acts = (config: BenchName): number => benchModel(config, 'float32').config.arch.halt_max_steps;

async function measureEach(
  options: BenchOptions,
  what: 'eval' | 'trace',
  executions: readonly OwnJob['execution'][],
  tell: (timing: Timing, config: BenchName, batch: number) => [string, Record<string, number>],
): Promise<number> {
  const runs = runsOf({ ...options, steps: options.steps ?? '3', warm: options.warm ?? '1' });
  const rows: string[][] = [];
  let failed = false;
  for (const config of chosen(options.config, BENCH_NAMES, '--config')) {
    for (const execution of executions) {
      say(`${config}, ${execution} …`);
      const batch = what === 'trace' ? 1 : (runs.batch ?? benchModel(config, 'float32').config.global_batch_size);
      try {
        const timing = await runOwn<Timing>({ what, config, execution, dtype: 'float32', ...runs });
        const [text, numbers] = tell(timing, config, batch);
        rows.push([config, what === 'trace' ? '' : execution, text, bytes(timing.peak_bytes)]);
        if (options.json) printJson({ event: 'result', what, config, execution, batch, ...numbers, ...timing });
      } catch (error) {
        failed = true;
        say(toWireError(error).message);
      }
    }
  }
  if (!options.json && rows.length) print(table(['config', 'mode', what, 'memory'], rows, [3]));
  return failed ? EXIT.failed : EXIT.ok;
}

const DTYPES = ['float32', 'bfloat16'] as const;
/** Lines of a profile's table; the rest are one line. */
const SHOWN = 16;

async function benchProfile(options: BenchOptions): Promise<number> {
  const dtypes = chosen(options.dtype ? [options.dtype] : undefined, DTYPES, '--dtype');
  const runs = runsOf({ ...options, steps: options.steps ?? '5', warm: options.warm ?? '2' });
  let measured = 0;
  await withTracing(async (env) => {
    for (const config of chosen(options.config, BENCH_NAMES, '--config')) {
      for (const dtype of dtypes) {
        say(`${config}, ${dtype} …`);
        try {
          const job = { what: 'profile', config, execution: 'recorded', dtype, ...runs } as const;
          const profile = await runOwn<StepProfile>(job, undefined, env);
          if (options.json) printJson({ event: 'result', what: 'profile', config, dtype, ...profile });
          else print(profileTable(config, dtype, profile));
          measured++;
        } catch (error) {
          say(toWireError(error).message);
        }
      }
    }
  });
  return measured ? EXIT.ok : EXIT.failed;
}

function profileTable(config: BenchName, dtype: string, { step_ms, ops }: StepProfile): string {
  const sum = ops.reduce((ms, op) => ms + op.ms, 0);
  const rest = ops.slice(SHOWN);
  const last = {
    op: `${rest.length} other kinds`,
    device: '',
    count: rest.reduce((n, op) => n + op.count, 0),
    ms: rest.reduce((ms, op) => ms + op.ms, 0),
  };
  const rows = [...ops.slice(0, SHOWN), ...(rest.length ? [last] : [])].map(({ op, device, count: n, ms }) => {
    return [op, device, count(n), ms.toFixed(1), `${((100 * ms) / sum).toFixed(1)} %`];
  });
  const head = `${config}, ${dtype}: ${step_ms.toFixed(0)} ms a step; its ops take ${sum.toFixed(0)} ms in all`;
  return `${head}\n${table(['op', 'device', 'count', 'ms', 'share'], rows, [2, 3, 4])}\n`;
}

async function benchSoak(options: BenchOptions): Promise<number> {
  const steps = wholeNumber(options.steps ?? '20000', '--steps', 100);
  const job: OwnJob = {
    what: 'soak',
    config: 'small',
    execution: options.eager ? 'eager' : 'recorded',
    dtype: 'float32',
    warm: 0,
    steps,
  };
  const result = await runOwn<SoakResult>(job, (line) => {
    const sample = JSON.parse(line) as SoakSample;
    if (typeof sample.step !== 'number') return;
    if (options.json) printJson({ event: 'sample', ...sample });
    else if (sample.step % (steps / 10) === 0) say(describe(sample));
  });
  const { samples: _, ...summary } = result;
  const percent = (share: number) => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)} %`;
  if (options.json) printJson({ event: 'summary', ...summary });
  else {
    print(`${count(steps)} ${result.execution} steps: ${result.passed ? 'steady' : 'NOT steady'}`);
    print(`  tensors ${result.tensors.join(' to ')}, native handles ${result.native_handles.join(' to ')}`);
    print(`  memory ${percent(result.memory_growth)}, time per step ${percent(result.slowdown)}`);
  }
  return result.passed ? EXIT.ok : EXIT.failed;
}

const describe = ({ step, tensors, native_handles, memory_bytes, step_ms }: SoakSample): string =>
  `step ${count(step)}: ${tensors} tensors, ${native_handles} handles, ${bytes(memory_bytes)}, ${step_ms.toFixed(2)} ms`;
