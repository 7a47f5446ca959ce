/** Looks inside a step, apart from the executor that takes it: outputs and gradients from a snapshot, op by op. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { wantsToHalt } from '../act/answer';
import { evaluateBatch, type ActStep, type Evaluated } from '../act/batch';
import type { Latents, Weights } from '../model/architecture';
import { totalLength } from '../model/architecture';
import { scoped } from '../model/autodiff';
import { makeConstants } from '../model/layers';
import { architectureOf } from '../model/registry';
import { lastSteps, takeBatch } from '../act/carry';
import { makeTargets, rowLosses } from '../act/loss';
import { lossAndGradients, type Program, type TrainState } from '../train/program';
import { forward, resetLatents } from '../act/forward';
import { PuzzleEmbedding } from '../train/sign-sgd';
import type { TrainerSnapshot } from '../train/trainer';
import type { ParityCase } from './case';

export interface Probed {
  /** [B, S, V] */
  logits: Float32Array;
  /** [B] each */
  q_halt_logits: Float32Array;
  q_continue_logits: Float32Array;
  /** By parameter name, with `puzzle_emb.local_weights` [B, puzzle_emb_ndim] where there are puzzle embeddings. */
  gradients: Map<string, Float32Array>;
}

/** What the step after `snapshot` computes before it updates anything. Frozen weights have gradients here too. */
export function probeStep(parity: ParityCase, snapshot: TrainerSnapshot, batch: Batch): Probed {
  const { config, spec } = parity;
  const architecture = architectureOf(spec.arch.name);
  const parameters = architecture.parameters(spec);
  const width = spec.arch.puzzle_emb_ndim;
  const carry = takeBatch(snapshot.carry, batch);
  const B = batch.size;
  return scoped(() => {
    const shapes = new Map(parameters.map((p) => [p.name, p.shape]));
    const upload = (values: Map<string, Float32Array>): Weights =>
      Object.fromEntries([...values].map(([name, data]) => [name, tf.tensor(data, [...(shapes.get(name) ?? [])])]));
    const state: TrainState = {
      weights: upload(snapshot.weights),
      m: {},
      v: {},
      ema: {},
      latents: latentsOf(parity, snapshot.latents, B),
    };
    const table = width ? new PuzzleEmbedding(spec.num_puzzle_identifiers, width, snapshot.puzzleEmbedding) : null;
    const program: Program = {
      architecture,
      spec,
      constants: makeConstants(spec),
      trained: parameters.filter((p) => p.trained).map((p) => p.name),
      config,
    };
    const result = lossAndGradients(program, state, {
      tokens: tf.tensor2d(carry.tokens, [B, spec.seq_len], 'int32'),
      labels: tf.tensor2d(carry.labels, [B, spec.seq_len], 'int32'),
      reset: tf.tensor3d(carry.halted, [B, 1, 1], 'bool') as Tensor3D,
      last: tf.tensor1d(lastSteps(carry, spec.arch), 'bool'),
      puzzleRows: table ? tf.tensor2d(table.gather(carry.puzzle_identifiers), [B, width]) : null,
    });
    const read = (tensor: tf.Tensor) => tensor.dataSync().slice() as Float32Array;
    const { decoded, losses, latents } = result;
    const gradients = new Map(Object.entries(result.gradients).map(([name, g]) => [name, read(g)]));
    if (result.puzzleGradient) gradients.set('puzzle_emb.local_weights', read(result.puzzleGradient));
    const probed = {
      logits: read(decoded.logits),
      q_halt_logits: read(decoded.q_halt_logits),
      q_continue_logits: read(decoded.q_continue_logits),
      gradients,
    };
    // These were taken out of the tidy by the step itself.
    for (const group of [decoded, losses, latents]) tf.dispose(Object.values(group) as tf.Tensor[]);
    return probed;
  });
}

function latentsOf({ spec }: ParityCase, values: Map<string, Float32Array> | null, B: number): Latents {
  const shape: [number, number, number] = [B, totalLength(spec), spec.arch.hidden_size];
  const entries = architectureOf(spec.arch.name)
    .latents(spec)
    .map(({ name }) => {
      const data = values?.get(name);
      return [name, data ? tf.tensor3d(data, shape) : tf.zeros(shape)];
    });
  return Object.fromEntries(entries) as Latents;
}

/** One ACT step of an evaluation; `rows` as training has them. */
export type EvaluationStep = Pick<ActStep, 'rows' | 'q_halt'> & { logits: Float32Array };

/**
 * `steps` ACT steps as the reference's evaluation takes them. Where `act_inference` lets rows halt, a halted row starts
 * anew at the next step, which is what the reference does with it.
 */
export function probeEvaluation(
  model: Evaluated,
  puzzles: PuzzleEmbedding | null,
  batch: Batch,
  steps: number,
  parity: ParityCase,
): EvaluationStep[] {
  const { halt_max_steps } = parity.spec.arch;
  if (!model.architecture.halting(parity.spec.arch).inference && steps <= halt_max_steps) {
    return evaluateBatch(model, puzzles, batch, steps, { logits: true }) as EvaluationStep[];
  }
  return restarting(model, puzzles, batch, steps, parity);
}

function restarting(
  model: Evaluated,
  puzzles: PuzzleEmbedding | null,
  batch: Batch,
  steps: number,
  parity: ParityCase,
): EvaluationStep[] {
  const { architecture, net } = model;
  const { spec } = parity;
  const B = batch.size;
  const taken: EvaluationStep[] = [];
  tf.tidy(() => {
    const tokens = tf.tensor2d(batch.inputs, [B, spec.seq_len], 'int32');
    const targets = makeTargets(tf.tensor2d(batch.labels, [B, spec.seq_len], 'int32'), spec.vocab_size);
    const rows: Tensor2D | null = puzzles
      ? tf.tensor2d(puzzles.gather(batch.puzzle_identifiers), [B, puzzles.width])
      : null;
    let latents = latentsOf(parity, null, B);
    const count = new Int32Array(B);
    const halted = new Uint8Array(B).fill(1);
    for (let t = 0; t < steps; t++) {
      const started = resetLatents(
        { architecture, spec },
        net.weights,
        latents,
        tf.tensor3d(halted, [B, 1, 1], 'bool'),
      );
      const out = forward(architecture, net, started, tokens, rows);
      const losses = rowLosses(out, targets, spec.arch.loss.loss_type);
      const none = tf.zerosLike(out.q_halt_logits);
      const columns = [losses.lm, losses.halt, losses.correct, out.q_halt_logits, out.q_continue_logits, none];
      const step = {
        rows: tf.stack(columns, 1).dataSync() as Float32Array,
        q_halt: out.q_halt_logits.dataSync() as Float32Array,
        logits: out.logits.dataSync() as Float32Array,
      };
      taken.push(step);
      latents = out.latents;
      const wants = architecture.halting(spec.arch).inference ? wantsToHalt(model, step) : [];
      for (let b = 0; b < B; b++) {
        count[b] = (halted[b] ? 0 : count[b]) + 1;
        halted[b] = count[b] >= spec.arch.halt_max_steps || wants[b] ? 1 : 0;
      }
    }
  });
  return taken;
}
