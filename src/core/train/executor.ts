/** Chooses how steps run: as a recorded graph where the backend can, else op by op, with the same numbers. */
import * as tf from '@tensorflow/tfjs-core';
import { nativeBackend } from '../backend/native';
import type { Latents, Weights } from '../model/architecture';
import { EagerExecutor } from './eager-step';
import type { Program } from './program';
import { RecordedExecutor, type StateShapes } from './recorded-step';
import { PuzzleEmbedding } from './sign-sgd';
import { STATE_GROUPS, type StateValues, type StepExecutor, type StepInput, type StepOutput } from './step';

export interface ExecutorSetup {
  program: Program;
  shapes: StateShapes;
  /** First values; missing ones are zeros. */
  values: StateValues;
  /** Rows of the puzzle embedding, 0 without, and its first numbers; null for zeros. */
  rows: number;
  embedding: Float32Array | null;
  bfloat16: boolean;
}

export type Execution = 'eager' | 'recorded';

/** Whether this backend can run recorded graphs. */
export const canRecord = (): boolean => nativeBackend() !== null;

/** @param warn told in one sentence why steps run eagerly although they should not */
export function makeExecutor(setup: ExecutorSetup, wanted: Execution, warn: (sentence: string) => void): StepExecutor {
  if (wanted === 'eager' || !canRecord()) return eagerExecutor(setup);
  try {
    return new CarefulExecutor(recordedExecutor(setup), setup, warn);
  } catch (error) {
    warn(sentence(error));
    return eagerExecutor(setup);
  }
}

function sentence(error: unknown): string {
  const [line] = String((error as Error)?.message ?? error).split('\n');
  return `This TensorFlow could not run the recorded step (${line.trim()}): steps run op by op, which is slower.`;
}

function recordedExecutor({ program, shapes, values, rows, embedding, bfloat16 }: ExecutorSetup): RecordedExecutor {
  const executor = new RecordedExecutor(program, shapes, values, rows, bfloat16);
  if (embedding) executor.puzzles?.write(embedding);
  return executor;
}

function eagerExecutor({ program, shapes, values, rows, embedding }: ExecutorSetup): EagerExecutor {
  const groups = STATE_GROUPS.map((group) => {
    const tensors = [...shapes[group]].map(([name, shape]) => {
      const data = values[group].get(name);
      return [name, data ? tf.tensor(data, [...shape], 'float32') : tf.zeros([...shape])] as const;
    });
    return [group, Object.fromEntries(tensors)] as const;
  });
  const { weights, m, v, ema, latents } = Object.fromEntries(groups) as Record<(typeof STATE_GROUPS)[number], Weights>;
  const width = program.spec.arch.puzzle_emb_ndim;
  const puzzles = rows ? new PuzzleEmbedding(rows, width, embedding ?? undefined) : null;
  return new EagerExecutor(program, { weights, m, v, ema, latents: latents as Latents }, puzzles);
}

/** TensorFlow takes many a graph and refuses it only when it runs: the first step then goes on eagerly. */
export class CarefulExecutor implements StepExecutor {
  private inner: StepExecutor;
  private proven = false;

  constructor(
    recorded: RecordedExecutor,
    private readonly setup: ExecutorSetup,
    private readonly warn: (sentence: string) => void,
  ) {
    this.inner = recorded;
  }

  get execution(): Execution {
    return this.inner.execution;
  }

  get puzzles() {
    return this.inner.puzzles;
  }

  run(input: StepInput): StepOutput {
    if (this.proven) return this.inner.run(input);
    try {
      const output = this.inner.run(input);
      this.proven = true;
      return output;
    } catch (error) {
      if (this.inner.execution === 'eager' || error instanceof RangeError) throw error;
      const recorded = this.inner as RecordedExecutor;
      const values = recorded.readNow(STATE_GROUPS);
      const embedding = recorded.puzzles?.read() ?? null;
      recorded.dispose();
      this.inner = eagerExecutor({ ...this.setup, values, embedding });
      this.proven = true;
      this.warn(sentence(error));
      return this.inner.run(input);
    }
  }

  read: StepExecutor['read'] = (groups) => this.inner.read(groups);

  evaluated(which: 'ema' | 'raw'): Weights {
    return this.inner.evaluated(which);
  }

  write(values: Partial<StateValues>): void {
    this.inner.write(values);
  }

  dispose(): void {
    this.inner.dispose();
  }

  /** The executor at work, for tests and benchmarks. */
  get current(): StepExecutor {
    return this.inner;
  }
}
