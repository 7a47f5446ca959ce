/**
 * One optimizer step from a batch: the carry, the schedule, the device's program, then the sparse embedding, halting and
 * metrics. All that a checkpoint must hold besides the data position is here.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { TrainConfig } from '../../shared/config';
import { runsInBfloat16 } from '../backend/bfloat16';
import { handleUse } from '../backend/native';
import type { Batch } from '../data/batch';
import type { Evaluated } from '../act/batch';
import type { Architecture, ModelSpec } from '../model/architecture';
import { initialWeights } from '../model/init';
import { architectureOf } from '../model/registry';
import { adamNumbers } from './adam-atan2';
import { drawMinimumSteps, emptyCarry, halt, lastSteps, takeBatch, type Carry, type HaltingRule } from '../act/carry';
import { canRecord, CarefulExecutor, makeExecutor, type Execution } from './executor';
import type { Program } from './program';
import { Random } from '../lib/random';
import { learningRate } from './schedule';
import { embeddingRows, makeProgram, stateShapes } from './setup';
import { sparseNumbers, type PuzzleRows } from './sign-sgd';
import { STATE_GROUPS, type StateValues, type StepExecutor } from './step';
import { choosePart } from './step-memory';
import { column, logged, sumMetrics, type LoggedMetrics, type StepSums } from '../act/step-metrics';

/** Host copies of everything that a run continues from. */
export interface TrainerSnapshot extends StateValues {
  step: number;
  puzzleEmbedding: Float32Array;
  carry: Carry;
  exploration: [number, number, number, number];
}

export interface StepReport {
  step: number;
  sums: StepSums;
  metrics: LoggedMetrics;
  lr: number;
  puzzle_emb_lr: number;
}

export interface TrainerOptions {
  /** How steps run; as a recorded graph by default where the backend can. */
  execution?: Execution;
  /** Told in one sentence why steps run eagerly although they should not. */
  warn?: (sentence: string) => void;
}

export class Trainer {
  readonly architecture: Architecture;
  /** What the graph computes in where `forward_dtype` says so; weights and all sums stay float32. */
  readonly dtype: 'float32' | 'bfloat16';
  /** Rows of the batch that are computed at once. */
  readonly part: number;
  step: number;
  carry: Carry;
  private readonly program: Program;
  private readonly executor: StepExecutor;
  private readonly exploration: Random;
  private readonly halting: HaltingRule;
  private readonly learnsContinue: boolean;

  /** @param from null starts anew from the config's seed. */
  constructor(
    readonly config: TrainConfig,
    readonly spec: ModelSpec,
    readonly totalSteps: number,
    from: TrainerSnapshot | null,
    options: TrainerOptions = {},
  ) {
    this.architecture = architectureOf(config.arch.name);
    const { halt_max_steps, halt_exploration_prob } = spec.arch;
    const { adaptive, comparesContinue, learnsContinue } = this.architecture.halting(spec.arch);
    this.halting = { halt_max_steps, halt_exploration_prob, adaptive, comparesContinue };
    this.learnsContinue = learnsContinue && halt_max_steps > 1;
    this.program = makeProgram(config, spec);

    const B = config.global_batch_size;
    this.step = from?.step ?? 0;
    this.carry = from?.carry ?? emptyCarry(B, spec.seq_len);
    this.exploration = new Random(config.seed, 'exploration');
    if (from) this.exploration.restore(from.exploration);

    const weights = from?.weights ?? initialWeights(this.architecture, spec, config.seed);
    const none = new Map<string, Float32Array>();
    const execution = options.execution ?? (config.studio.eager ? 'eager' : 'recorded');
    const bfloat16 = execution === 'recorded' && canRecord() && runsInBfloat16(spec.arch.forward_dtype);
    const setup = {
      program: this.program,
      shapes: stateShapes(this.program, config),
      values: {
        weights,
        m: from?.m ?? none,
        v: from?.v ?? none,
        ema: from?.ema ?? weights,
        latents: from?.latents ?? none,
      },
      rows: embeddingRows(spec),
      embedding: from?.puzzleEmbedding ?? null,
      bfloat16,
    };
    // Op by op, too, memory is that of the part; without TensorFlow there is no graph to count it in.
    this.part = canRecord()
      ? choosePart(setup, config.studio.micro_batch)
      : Math.min(config.studio.micro_batch || B, B);
    this.executor = makeExecutor({ ...setup, part: this.part }, execution, options.warn ?? (() => undefined));
    this.dtype = bfloat16 && this.executor.execution === 'recorded' ? 'bfloat16' : 'float32';
  }

  /** How steps run. */
  get execution(): Execution {
    return this.executor.execution;
  }

  /** The puzzle embeddings; null without. */
  get puzzles(): PuzzleRows | null {
    return this.executor.puzzles;
  }

  /** One optimizer step. Synchronous: nothing else runs meanwhile. */
  run(batch: Batch): StepReport {
    const { config } = this;
    const step = this.step + 1;
    const rate = (base: number) =>
      learningRate(step, base, config.lr_warmup_steps, this.totalSteps, config.lr_min_ratio);
    const lr = rate(config.lr);
    const puzzleLr = rate(config.puzzle_emb_lr);

    const carry = takeBatch(this.carry, batch);
    const { rows } = this.executor.run({
      tokens: carry.tokens,
      labels: carry.labels,
      reset: carry.halted,
      last: lastSteps(carry, this.halting),
      identifiers: carry.puzzle_identifiers,
      adam: adamNumbers(step, lr, config.weight_decay, config.beta1, config.beta2),
      sparse: sparseNumbers(puzzleLr, config.puzzle_emb_weight_decay),
    });
    const minima = drawMinimumSteps(batch.size, this.halting, this.exploration);
    const q = { halt: column(rows, 'q_halt'), proceed: column(rows, 'q_continue') };
    this.carry = halt(carry, q, minima, this.halting);
    this.step = step;
    const sums = sumMetrics(rows, this.carry, this.learnsContinue);
    return { step, sums, metrics: logged(sums, config.global_batch_size), lr, puzzle_emb_lr: puzzleLr };
  }

  /** The model as evaluation takes it; its tensors stay the trainer's. With "ema" the average where there is one. */
  evaluated(which: 'ema' | 'raw'): Evaluated {
    const { architecture, spec, constants } = this.program;
    const net = { spec, weights: this.executor.evaluated(which), constants };
    return { architecture, net, execution: this.execution };
  }

  /** The share of the backend's tensor handles that are used up; above 1 the process must end. */
  handleUse(): number {
    return handleUse();
  }

  /**
   * Other first weights, before the first step; the average starts from them too. An embedding of another number of rows
   * is replaced by its mean in every row, as in the reference.
   */
  load(weights: Map<string, Float32Array>, embedding: Float32Array | null): void {
    const own = new Set(this.architecture.parameters(this.spec).map(({ name }) => name));
    const averaged = new Set(
      this.config.ema
        ? this.architecture
            .parameters(this.spec)
            .filter((p) => p.trained)
            .map((p) => p.name)
        : [],
    );
    const only = (names: Set<string>) => new Map([...weights].filter(([name]) => names.has(name)));
    this.executor.write({ weights: only(own), ema: only(averaged) });
    const { puzzles } = this;
    if (!puzzles || !embedding) return;
    const { width } = puzzles;
    if (embedding.length === puzzles.rows * width) {
      puzzles.write(embedding);
      return;
    }
    const mean = new Float64Array(width);
    const rows = embedding.length / width;
    for (let i = 0; i < embedding.length; i++) mean[i % width] += embedding[i] / rows;
    puzzles.write(Float32Array.from({ length: puzzles.rows * width }, (_, i) => mean[i % width]));
  }

  /** Reads everything back: a sync point of many tensors, only for checkpoints. */
  async snapshot(): Promise<TrainerSnapshot> {
    return {
      step: this.step,
      ...(await this.executor.read(STATE_GROUPS)),
      puzzleEmbedding: this.puzzles?.read() ?? new Float32Array(0),
      carry: this.carry,
      exploration: this.exploration.save(),
    };
  }

  /** For tests and tools that look inside a step. */
  internals(): { program: Program; executor: StepExecutor } {
    const { program, executor } = this;
    return { program, executor: executor instanceof CarefulExecutor ? executor.current : executor };
  }

  dispose(): void {
    this.executor.dispose();
    const { rope } = this.program.constants;
    if (rope) tf.dispose(Object.values(rope));
  }
}
