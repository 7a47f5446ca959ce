/** Chooses how steps run: as a recorded graph where the backend can, else op by op, with the same numbers. */
import * as tf from '@tensorflow/tfjs-core';
import { nativeBackend } from '../backend/native';
import type { Latents, Weights } from '../model/architecture';
import { EagerExecutor } from './eager-step';
import { isOutOfMemory, outOfMemory } from './out-of-memory';
import { RecordedExecutor, type RecordedSetup } from './recorded-step';
import { PuzzleEmbedding } from './sign-sgd';
import { STATE_GROUPS, type StateValues, type StepExecutor, type StepInput, type StepOutput } from './step';

export interface ExecutorSetup extends RecordedSetup {
  /** First values; missing ones are zeros. */
  values: StateValues;
  /** The puzzle embedding's first numbers; null for zeros. */
  embedding: Float32Array | null;
}

export type Execution = 'eager' | 'recorded';

/** Whether this backend can run recorded graphs. */
export const canRecord = (): boolean => nativeBackend() !== null;

/** @param warn told in one sentence why steps run eagerly although they should not */
export function makeExecutor(setup: ExecutorSetup, wanted: Execution, warn: (sentence: string) => void): StepExecutor {
  const { values: _values, embedding: _embedding, ...rest } = setup;
  if (wanted === 'eager' || !canRecord()) return new CarefulExecutor(eagerExecutor(setup), rest, warn);
  try {
    return new CarefulExecutor(recordedExecutor(setup), rest, warn);
  } catch (error) {
    if (isOutOfMemory(error)) throw outOfMemory(error, setup);
    warn(sentence(error));
    return new CarefulExecutor(eagerExecutor(setup), rest, warn);
  }
}

function sentence(error: unknown): string {
  const [line] = String((error as Error)?.message ?? error).split('\n');
  return `This TensorFlow could not run the recorded step (${line.trim()}): steps run op by op, which is slower.`;
}

function recordedExecutor(setup: ExecutorSetup): RecordedExecutor {
  const executor = new RecordedExecutor(setup, setup.values);
  if (setup.embedding) executor.puzzles?.write(setup.embedding);
  return executor;
}

function eagerExecutor({ program, shapes, values, rows, embedding, part }: ExecutorSetup): EagerExecutor {
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
  return new EagerExecutor(program, { weights, m, v, ema, latents: latents as Latents }, puzzles, part);
}

/**
 * TensorFlow takes many a graph and refuses it only when it runs: the first step then goes on eagerly. Where memory runs out
 * it says so instead.
 */
export class CarefulExecutor implements StepExecutor {
  private inner: StepExecutor;
  private proven = false;

  constructor(
    first: StepExecutor,
    /** Without first values: they would stay in memory for as long as the run goes. */
    private readonly setup: Omit<ExecutorSetup, 'values' | 'embedding'>,
    private readonly warn: (sentence: string) => void,
  ) {
    this.inner = first;
  }

  get execution(): Execution {
    return this.inner.execution;
  }

  get puzzles() {
    return this.inner.puzzles;
  }

  run(input: StepInput): StepOutput {
    try {
      if (this.proven) return this.inner.run(input);
      const output = this.inner.run(input);
      this.proven = true;
      return output;
    } catch (error) {
      if (isOutOfMemory(error)) throw outOfMemory(error, this.setup);
      if (this.proven || this.inner.execution === 'eager' || error instanceof RangeError) throw error;
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
