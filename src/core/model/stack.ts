/** A level: a stack of post-norm blocks, shared by every architecture. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { ModelSpec, Network, ParameterSpec } from './architecture';
import { swigluWidth, totalLength } from './architecture';
import { attention, rmsNorm, swapSequence, swiglu } from './layers';

/** Initial standard deviation of a linear layer: 1/√fan_in. */
export const linearSpec = (name: string, out: number, fanIn: number): ParameterSpec => ({
  name,
  shape: [out, fanIn],
  init: { kind: 'truncated_normal', std: 1 / Math.sqrt(fanIn) },
  trained: true,
});

/** Parameters of `layers` blocks under `level` ("L_level"), in the reference's order. */
export function stackParameters(spec: ModelSpec, level: string, layers: number): ParameterSpec[] {
  const { hidden_size: D, expansion, mlp_t } = spec.arch;
  const T = totalLength(spec);
  const swigluSpecs = (prefix: string, width: number): ParameterSpec[] => {
    const inner = swigluWidth(width, expansion);
    return [
      linearSpec(`${prefix}.gate_up_proj.weight`, 2 * inner, width),
      linearSpec(`${prefix}.down_proj.weight`, width, inner),
    ];
  };
  return Array.from({ length: layers }, (_, i) => `${level}.layers.${i}`).flatMap((block) => [
    ...(mlp_t
      ? swigluSpecs(`${block}.mlp_t`, T)
      : [
          linearSpec(`${block}.self_attn.qkv_proj.weight`, 3 * D, D),
          linearSpec(`${block}.self_attn.o_proj.weight`, D, D),
        ]),
    ...swigluSpecs(`${block}.mlp`, D),
  ]);
}

/**
 * One pass through a level: h = z + injection, then each block's `h = rms(h + attn(h)); h = rms(h + swiglu(h))`.
 * With `mlp_t` the attention is a SwiGLU over the sequence, normalised over the sequence.
 * @param z [B·T, D]
 * @param injection [B·T, D]
 * @returns [B·T, D]
 */
export function runLevel(net: Network, level: string, layers: number, z: Tensor2D, injection: Tensor2D): Tensor2D {
  const { weights, spec, constants } = net;
  const D = spec.arch.hidden_size;
  const T = totalLength(spec);
  let h: Tensor2D = tf.add(z, injection);
  for (let i = 0; i < layers; i++) {
    const w = (name: string) => weights[`${level}.layers.${i}.${name}.weight`];
    if (spec.arch.mlp_t) {
      const across = swapSequence(h, T, D);
      const mixed = rmsNorm(tf.add(across, swiglu(across, w('mlp_t.gate_up_proj'), w('mlp_t.down_proj'))));
      h = swapSequence(mixed, D, T);
    } else {
      h = rmsNorm(tf.add(h, attention(h, w('self_attn.qkv_proj'), w('self_attn.o_proj'), spec, constants)));
    }
    h = rmsNorm(tf.add(h, swiglu(h, w('mlp.gate_up_proj'), w('mlp.down_proj'))));
  }
  return h;
}
