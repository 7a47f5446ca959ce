/**
 * One optimizer step from a batch: the carry, the schedule, the device's program, then the sparse embedding, halting and
 * metrics. All that a checkpoint must hold besides the data position is here.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor3D } from '@tensorflow/tfjs-core';
import type { TrainConfig } from '../../shared/config';
import { handleUse } from '../backend/native';
import type { Batch } from '../data/batch';
import type { Evaluated } from '../evaluate/batch';
import type { Architecture, ModelSpec, Weights } from '../model/architecture';
import { totalLength } from '../model/architecture';
import { initialWeights } from '../model/init';
import { makeConstants } from '../model/layers';
import { architectureOf } from '../model/registry';
import { adamNumbers } from './adam-atan2';
import { drawMinimumSteps, emptyCarry, halt, lastSteps, takeBatch, type Carry, type HaltingRule } from './carry';
import type { Program, TrainState } from './program';
import { Random } from './random';
import { learningRate } from './schedule';
import { PuzzleEmbedding } from './sign-sgd';
import { EagerExecutor, type StepExecutor } from './step';
import { column, logged, sumMetrics, type LoggedMetrics, type StepSums } from './step-metrics';

/** Host copies of everything that a run continues from. Float32 tensors by parameter name. */
export interface TrainerSnapshot {
  step: number;
  weights: Map<string, Float32Array>;
  m: Map<string, Float32Array>;
  v: Map<string, Float32Array>;
  ema: Map<string, Float32Array>;
  latents: Map<string, Float32Array>;
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

export class Trainer {
  readonly architecture: Architecture;
  readonly puzzles: PuzzleEmbedding | null;
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
  ) {
    this.architecture = architectureOf(config.arch.name);
    const { halt_max_steps, halt_exploration_prob } = spec.arch;
    const { adaptive, comparesContinue, learnsContinue } = this.architecture.halting(spec.arch);
    this.halting = { halt_max_steps, halt_exploration_prob, adaptive, comparesContinue };
    this.learnsContinue = learnsContinue && halt_max_steps > 1;
    const parameters = this.architecture.parameters(spec);
    const trained = config.freeze_weights ? [] : parameters.filter((p) => p.trained).map((p) => p.name);
    this.program = { architecture: this.architecture, spec, constants: makeConstants(spec), trained, config };

    const B = config.global_batch_size;
    const { puzzle_emb_ndim: width } = config.arch;
    const rows = spec.num_puzzle_identifiers;
    this.puzzles = width ? new PuzzleEmbedding(rows, width, from?.puzzleEmbedding) : null;
    this.step = from?.step ?? 0;
    this.carry = from?.carry ?? emptyCarry(B, spec.seq_len);
    this.exploration = new Random(config.seed, 'exploration');
    if (from) this.exploration.restore(from.exploration);

    const weights = from?.weights ?? initialWeights(this.architecture, spec, config.seed);
    const shapes = new Map(parameters.map((p) => [p.name, p.shape]));
    const upload = (values: Map<string, Float32Array> | undefined, names: readonly string[]): Weights =>
      Object.fromEntries(
        names.map((name) => {
          const shape = [...(shapes.get(name) ?? [])];
          return [name, values ? tf.tensor(values.get(name) ?? [], shape, 'float32') : tf.zeros(shape)];
        }),
      );
    const z: [number, number, number] = [B, totalLength(spec), spec.arch.hidden_size];
    const latents = this.architecture.latents(spec).map(({ name }) => [name, uploadLatent(from?.latents.get(name), z)]);
    const state: TrainState = {
      weights: upload(weights, [...shapes.keys()]),
      m: upload(from?.m, trained),
      v: upload(from?.v, trained),
      ema: config.ema
        ? upload(
            from?.ema ?? weights,
            parameters.filter((p) => p.trained).map((p) => p.name),
          )
        : {},
      latents: Object.fromEntries(latents) as TrainState['latents'],
    };
    this.executor = new EagerExecutor(this.program, state);
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
    const { rows, puzzleGradient } = this.executor.run({
      tokens: carry.tokens,
      labels: carry.labels,
      reset: carry.halted,
      last: lastSteps(carry, this.halting),
      puzzleRows: this.puzzles?.gather(carry.puzzle_identifiers) ?? null,
      adam: adamNumbers(step, lr, config.weight_decay, config.beta1, config.beta2),
    });
    if (this.puzzles && puzzleGradient) {
      this.puzzles.update(carry.puzzle_identifiers, puzzleGradient, puzzleLr, config.puzzle_emb_weight_decay);
    }
    const minima = drawMinimumSteps(batch.size, this.halting, this.exploration);
    const q = { halt: column(rows, 'q_halt'), proceed: column(rows, 'q_continue') };
    this.carry = halt(carry, q, minima, this.halting);
    this.step = step;
    const sums = sumMetrics(rows, this.carry, this.learnsContinue);
    return { step, sums, metrics: logged(sums, config.global_batch_size), lr, puzzle_emb_lr: puzzleLr };
  }

  /** The model as evaluation takes it; its tensors stay the trainer's. With "ema" the average where there is one. */
  evaluated(which: 'ema' | 'raw'): Evaluated {
    const { weights, ema } = this.executor.state();
    const { architecture, spec, constants } = this.program;
    return { architecture, net: { spec, weights: which === 'ema' ? { ...weights, ...ema } : weights, constants } };
  }

  /** The share of the backend's tensor handles that are used up; above 1 the process must end. */
  handleUse(): number {
    const [fresh] = Object.values(this.executor.state().latents);
    return handleUse(fresh);
  }

  /**
   * Other first weights, before the first step; the average starts from them too. An embedding of another number of rows
   * is replaced by its mean in every row, as in the reference.
   */
  load(weights: Map<string, Float32Array>, embedding: Float32Array | null): void {
    this.executor.loadWeights(weights);
    if (!this.puzzles || !embedding) return;
    const { width, weights: table } = this.puzzles;
    if (embedding.length === table.length) {
      table.set(embedding);
      return;
    }
    const mean = new Float64Array(width);
    const rows = embedding.length / width;
    for (let i = 0; i < embedding.length; i++) mean[i % width] += embedding[i] / rows;
    for (let i = 0; i < table.length; i++) table[i] = mean[i % width];
  }

  /** Reads everything back: a sync point of many tensors, only for checkpoints. */
  async snapshot(): Promise<TrainerSnapshot> {
    const { weights, m, v, ema, latents } = this.executor.state();
    const read = async (group: Record<string, tf.Tensor>): Promise<Map<string, Float32Array>> => {
      const values = new Map<string, Float32Array>();
      for (const [name, tensor] of Object.entries(group)) values.set(name, (await tensor.data()) as Float32Array);
      return values;
    };
    return {
      step: this.step,
      weights: await read(weights),
      m: await read(m),
      v: await read(v),
      ema: await read(ema),
      latents: await read(latents),
      puzzleEmbedding: this.puzzles?.weights ?? new Float32Array(0),
      carry: this.carry,
      exploration: this.exploration.save(),
    };
  }

  /** For tests and tools that look inside a step. */
  internals(): { program: Program; executor: StepExecutor } {
    return { program: this.program, executor: this.executor };
  }

  dispose(): void {
    this.executor.dispose();
    const { rope } = this.program.constants;
    if (rope) tf.dispose(Object.values(rope));
  }
}

const uploadLatent = (values: Float32Array | undefined, shape: [number, number, number]): Tensor3D =>
  values ? tf.tensor3d(values, shape) : tf.zeros(shape);
