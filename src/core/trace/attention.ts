/**
 * Where one cell looks during one ACT step: the attention weights of its row, for every update, layer and head. All of
 * them for all steps would be gigabytes, so the step is run again when somebody asks.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { mixesBySwiglu } from '../../shared/architectures';
import type { AttentionMap } from '../../shared/trace';
import { StudioError } from '../../shared/errors';
import type { Batch } from '../data/batch';
import type { Latents } from '../model/architecture';
import { prefixLength, totalLength } from '../model/architecture';
import { scoped } from '../model/autodiff';
import type { Level, Observer } from '../model/observe';
import { forward } from '../act/forward';
import type { PuzzleEmbedding } from '../train/sign-sgd';
import { firstLatents, type Evaluated } from '../act/batch';

/** States before a step that are kept for the next question, in bytes. */
const KEPT_BYTES = 2 ** 27;

/** Watches one row of the attention matrices. */
class Looking implements Observer {
  readonly updates: AttentionMap['updates'] = [];
  /** [heads, L] each. */
  readonly rows: tf.Tensor[] = [];
  private layers = 0;

  constructor(private readonly token: number) {}

  attention(_layer: number, weights: Tensor4D): void {
    const [, heads, , L] = weights.shape;
    const row = scoped(() => tf.reshape(tf.slice(weights, [0, 0, this.token, 0], [1, heads, 1, L]), [heads, L]));
    this.rows.push(tf.keep(row));
    this.layers++;
  }

  update(level: Level, latent: string): void {
    this.updates.push({ level, latent, layers: this.layers });
    this.layers = 0;
  }
}

/** States that one example's recursion has come through, kept between questions. */
export class AttentionStates {
  /** State before ACT step t, by t; values on the host, so that no tensor waits for questions that never come. */
  private readonly states = new Map<number, { name: string; values: Float32Array }[]>();

  /** The last step whose state is known, not beyond `step`. */
  lastBefore(step: number): number {
    return Math.max(...[...this.states.keys()].filter((t) => t <= step), 0);
  }

  restore(t: number, { architecture, net }: Evaluated): Latents {
    const kept = this.states.get(t);
    if (!kept) return scoped(() => firstLatents({ architecture, net }, 1));
    const shape: [number, number, number] = [1, totalLength(net.spec), net.spec.arch.hidden_size];
    return Object.fromEntries(kept.map(({ name, values }) => [name, tf.tensor3d(values, shape)]));
  }

  keep(t: number, z: Latents): void {
    if (this.states.has(t)) return;
    const state = Object.entries(z).map(([name, tensor]) => ({ name, values: tensor.dataSync() as Float32Array }));
    const bytes = state.reduce((sum, { values }) => sum + values.byteLength, 0);
    // The oldest goes first; people look at neighbouring steps.
    while (this.states.size > 0 && (this.states.size + 1) * bytes > KEPT_BYTES) {
      this.states.delete(this.states.keys().next().value as number);
    }
    this.states.set(t, state);
  }
}

/**
 * @param batch a single row
 * @param step ACT step, from 0
 * @param cell 0 … S − 1
 * @param states of the same example and weights
 * @throws StudioError `bad_input` for a cell outside, or a model that mixes its tokens without attention
 */
export async function lookFrom(
  { model, puzzles, batch }: { model: Evaluated; puzzles: PuzzleEmbedding | null; batch: Batch },
  { step, cell }: { step: number; cell: number },
  states = new AttentionStates(),
): Promise<AttentionMap> {
  const { architecture, net } = model;
  const { spec } = net;
  if (mixesBySwiglu(spec.arch)) {
    throw new StudioError(
      'bad_input',
      'This model mixes its tokens with an MLP (arch.mlp_t), so it has no attention to show: look at one that attends.',
    );
  }
  if (!(cell >= 0 && cell < spec.seq_len)) {
    throw new StudioError('bad_input', `Cell ${cell} is not among the ${spec.seq_len} of the canvas.`);
  }
  const prefix = prefixLength(spec);
  const looking = new Looking(prefix + cell);
  const from = states.lastBefore(step);
  let z = states.restore(from, model);
  try {
    for (let t = from; t <= step; t++) {
      states.keep(t, z);
      const before = z;
      const observer = t === step ? looking : undefined;
      z = scoped(() => {
        const tokens = tf.tensor2d(batch.inputs, [1, spec.seq_len], 'int32');
        const rows = puzzles ? tf.tensor2d(puzzles.gather(batch.puzzle_identifiers), [1, puzzles.width]) : null;
        return forward(architecture, { ...net, observer }, before, tokens, rows).latents;
      });
      tf.dispose(before);
      await new Promise((resolve) => setImmediate(resolve));
    }
    states.keep(step + 1, z);
    const all = looking.rows.map((row) => row.dataSync() as Float32Array);
    const weights = new Float32Array(all.reduce((n, row) => n + row.length, 0));
    all.reduce((at, row) => (weights.set(row, at), at + row.length), 0);
    return { step, cell, prefix, heads: spec.arch.num_heads, updates: looking.updates, weights };
  } finally {
    tf.dispose([z, ...looking.rows]);
  }
}
