/** What surrounds every architecture's recursion: the input embedding before it, logits and halting after it. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { ModelSpec, Network, ParameterSpec } from './architecture';
import { prefixLength, totalLength } from './architecture';
import { linear } from './layers';
import { linearSpec } from './stack';

/** q_head's first bias: sigmoid(−5) ≈ 0.7 %, so that an untrained model does not halt. */
const Q_BIAS = -5;

export function headParameters(spec: ModelSpec): ParameterSpec[] {
  const { hidden_size: D, pos_encodings } = spec.arch;
  const embedding = (name: string, rows: number): ParameterSpec => ({
    name,
    shape: [rows, D],
    init: { kind: 'truncated_normal', std: 1 / Math.sqrt(D) },
    trained: true,
  });
  return [
    embedding('embed_tokens.embedding_weight', spec.vocab_size),
    linearSpec('lm_head.weight', spec.vocab_size, D),
    { name: 'q_head.weight', shape: [2, D], init: { kind: 'constant', value: 0 }, trained: true },
    { name: 'q_head.bias', shape: [2], init: { kind: 'constant', value: Q_BIAS }, trained: true },
    ...(pos_encodings === 'learned' ? [embedding('embed_pos.embedding_weight', totalLength(spec))] : []),
  ];
}

/** A latent's starting vector [D]: normal with standard deviation 1, a buffer. */
export const latentInit = (name: string, D: number): ParameterSpec => ({
  name,
  shape: [D],
  init: { kind: 'truncated_normal', std: 1 },
  trained: false,
});

/**
 * √D · concat(puzzle embedding as P tokens, token embedding); with learned positions √½ · (… + positions) before the scale.
 * Tokens are looked up by a one-hot product: its gradient is a product too, which every backend has.
 * @param tokens int32 [B, S]
 * @param puzzleRows [B, puzzle_emb_ndim], padded with zeros to P·D; null without puzzle embeddings
 * @returns [B, T, D]
 */
export function embed(net: Network, tokens: Tensor2D, puzzleRows: Tensor2D | null): Tensor3D {
  const { spec, weights } = net;
  const { hidden_size: D, puzzle_emb_ndim, pos_encodings } = spec.arch;
  const [B, S] = tokens.shape;
  const P = prefixLength(spec);
  // Cast first: on a GPU int32 is reshaped on the host.
  const chosen = tf.cast(tf.oneHot(tokens, spec.vocab_size), 'float32');
  const oneHot = tf.reshape(chosen, [B * S, spec.vocab_size]) as Tensor2D;
  const table = weights['embed_tokens.embedding_weight'] as Tensor2D;
  let x = tf.reshape(tf.matMul(oneHot, table), [B, S, D]) as Tensor3D;
  if (puzzleRows && P > 0) {
    const missing = P * D - puzzle_emb_ndim;
    const padded = missing > 0 ? tf.pad(puzzleRows, [[0, 0], [0, missing]]) : puzzleRows; // prettier-ignore
    x = tf.concat([tf.reshape(padded, [B, P, D]) as Tensor3D, x], 1);
  }
  if (pos_encodings === 'learned') {
    return tf.mul(tf.add(x, weights['embed_pos.embedding_weight']), Math.SQRT1_2 * Math.sqrt(D));
  }
  return tf.mul(x, Math.sqrt(D));
}

export interface Decoded {
  /** [B, S, V] */
  logits: Tensor3D;
  /** [B] each */
  q_halt_logits: Tensor1D;
  q_continue_logits: Tensor1D;
}

/** Logits from the S cells, halting from the first token. @param z [B, T, D] */
export function decode(net: Network, z: Tensor3D): Decoded {
  const { spec, weights } = net;
  const [B, T, D] = z.shape;
  const P = prefixLength(spec);
  const cells = P > 0 ? tf.slice(z, [0, P, 0], [B, T - P, D]) : z;
  const logits = linear(tf.reshape(cells, [B * (T - P), D]), weights['lm_head.weight']);
  const first = tf.reshape(tf.slice(z, [0, 0, 0], [B, 1, D]), [B, D]) as Tensor2D;
  const q = tf.add(linear(first, weights['q_head.weight']), weights['q_head.bias']);
  const [halt, proceed] = tf.unstack(q, 1) as Tensor1D[];
  return {
    logits: tf.reshape(logits, [B, T - P, spec.vocab_size]) as Tensor3D,
    q_halt_logits: halt,
    q_continue_logits: proceed,
  };
}
