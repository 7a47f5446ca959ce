/** What is measured, and in which process: each measurement alone in one of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchModel, EMBEDDING_ROWS, type BenchName } from '../../core/bench/configs';
import type { Execution, Timing } from '../../core/bench/measure';
import { prefixTokens, swigluWidth } from '../../shared/architectures';
import { StudioError } from '../../shared/errors';
import { appFiles } from '../../studio/app-files';

/** One measurement of ours, as `trm bench one` takes it. */
export interface OwnJob {
  what: 'step' | 'profile' | 'eval' | 'trace' | 'peak' | 'soak';
  config: BenchName;
  execution: Execution;
  dtype: 'float32' | 'bfloat16';
  warm: number;
  steps: number;
  batch?: number;
}

export const MODES = ['eager', 'recorded', 'recorded bf16', 'torch eager', 'torch bf16', 'torch compile'] as const;
export type Mode = (typeof MODES)[number];
export const isTorch = (mode: Mode): boolean => mode.startsWith('torch');

export interface StepJob {
  config: BenchName;
  mode: Mode;
}

/** Every mode of every config, in random order: what runs early must not always be the same. */
export function stepJobs(configs: readonly BenchName[], modes: readonly Mode[], random = Math.random): StepJob[] {
  const jobs = configs.flatMap((config) => modes.map((mode) => ({ config, mode })));
  for (let i = jobs.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [jobs[i], jobs[j]] = [jobs[j], jobs[i]];
  }
  return jobs;
}

export function runStep(
  { config, mode }: StepJob,
  runs: { warm: number; steps: number; batch?: number },
  torch: { python: string; threads: number } | null,
): Promise<Timing> {
  if (isTorch(mode)) {
    if (!torch) throw new Error('no Python was given');
    return runTorch(config, mode, runs, torch);
  }
  const execution = mode === 'eager' ? 'eager' : 'recorded';
  const dtype = mode === 'recorded bf16' ? 'bfloat16' : 'float32';
  return runOwn<Timing>({ what: 'step', config, execution, dtype, ...runs });
}

/** This program again, for one job. @param env variables besides this process's own */
export function runOwn<T>(job: OwnJob, line?: (text: string) => void, env?: NodeJS.ProcessEnv): Promise<T> {
  // Garbage collection on demand: the soak measures what is held, not what is not yet collected.
  const args = ['--expose-gc', process.argv[1], 'bench', 'one', JSON.stringify(job)];
  return lastLine<T>(process.execPath, args, `bench ${job.what} of ${job.config}`, line, env);
}

function runTorch(
  config: BenchName,
  mode: Mode,
  runs: { warm: number; steps: number; batch?: number },
  { python, threads }: { python: string; threads: number },
): Promise<Timing> {
  const { arch } = benchModel(config, 'float32').config;
  const { spec, config: whole } = benchModel(config, 'float32', runs.batch);
  const size = {
    mode,
    threads,
    warm: runs.warm,
    steps: runs.steps,
    batch: whole.global_batch_size,
    seq_len: spec.seq_len,
    vocab_size: spec.vocab_size,
    prefix: prefixTokens(arch),
    inner: swigluWidth(arch.hidden_size, arch.expansion),
    rows: EMBEDDING_ROWS,
    hidden_size: arch.hidden_size,
    num_heads: arch.num_heads,
    L_layers: arch.L_layers,
    H_cycles: arch.H_cycles,
    L_cycles: arch.L_cycles,
    puzzle_emb_ndim: arch.puzzle_emb_ndim,
    halt_max_steps: arch.halt_max_steps,
  };
  return lastLine<Timing>(
    python,
    [scriptFile('torch_step.py', 'PyTorch is compared'), JSON.stringify(size)],
    `${mode} of ${config}`,
  );
}

function scriptFile(name: string, what: string): string {
  const script = join(appFiles().root, 'scripts', 'bench', name);
  if (existsSync(script)) return script;
  throw new StudioError('not_found', `${script} is missing: ${what} in a checkout of the project only.`);
}

/**
 * Compiles what lets TensorFlow trace a run, hands `use` the environment that a process needs for it, and cleans up.
 * @throws StudioError `unavailable` off Linux or without a C++ compiler
 */
export async function withTracing<T>(use: (env: NodeJS.ProcessEnv) => Promise<T>): Promise<T> {
  if (process.platform !== 'linux') throw new StudioError('unavailable', 'Steps are profiled on Linux only.');
  const source = scriptFile('session_trace.cc', 'steps are profiled');
  const folder = mkdtempSync(join(tmpdir(), 'trm-trace-'));
  try {
    const library = join(folder, 'session_trace.so');
    const compiler = process.env.CXX || 'g++';
    try {
      execFileSync(compiler, ['-O1', '-fPIC', '-shared', '-std=c++17', source, '-o', library, '-ldl'], {
        stdio: 'pipe',
      });
    } catch (error) {
      const why = String((error as Error).message).split('\n')[0];
      throw new StudioError('unavailable', `${compiler} could not compile ${source} (${why}): install g++ or set CXX.`);
    }
    return await use({ LD_PRELOAD: library });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns the JSON object that the process prints last */
function lastLine<T>(
  command: string,
  args: string[],
  what: string,
  line?: (text: string) => void,
  env: NodeJS.ProcessEnv = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (line) for (const one of text.split('\n')) if (one.trim()) line(one);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err = (err + text).slice(-4000)));
    child.on('error', (error) => {
      reject(new StudioError('unavailable', `${command} could not be started (${error.message}): check the path.`));
    });
    child.on('close', (code, signal) => {
      const last = out.trim().split('\n').pop() ?? '';
      if (code === 0 && last.startsWith('{')) return resolve(JSON.parse(last) as T);
      const words = err.trim().split('\n').pop() || `it ended with ${signal ?? `exit code ${code}`}`;
      return reject(new StudioError('unavailable', `${what} could not be measured: ${words}`));
    });
  });
}
