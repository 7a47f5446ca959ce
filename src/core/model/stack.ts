/** A level: a stack of post-norm blocks, shared by every architecture. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { headSize, mixesBySwiglu, swigluWidth } from '../../shared/architectures';
import type { ModelSpec, Network, ParameterSpec } from './architecture';
import { totalLength } from './architecture';
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
  const { hidden_size: D, num_heads, expansion } = spec.arch;
  const T = totalLength(spec);
  const inner = num_heads * headSize(spec.arch);
  const swigluSpecs = (prefix: string, width: number): ParameterSpec[] => {
    const hidden = swigluWidth(width, expansion);
    return [
      linearSpec(`${prefix}.gate_up_proj.weight`, 2 * hidden, width),
      linearSpec(`${prefix}.down_proj.weight`, width, hidden),
    ];
  };
  return Array.from({ length: layers }, (_, i) => `${level}.layers.${i}`).flatMap((block) => [
    ...(mixesBySwiglu(spec.arch)
      ? swigluSpecs(`${block}.mlp_t`, T)
      : [
          linearSpec(`${block}.self_attn.qkv_proj.weight`, 3 * inner, D),
          linearSpec(`${block}.self_attn.o_proj.weight`, D, inner),
        ]),
    ...swigluSpecs(`${block}.mlp`, D),
  ]);
}

/**
 * One pass through a level: for each block `h = rms(h + attn(h)); h = rms(h + swiglu(h))`.
 * With `mlp_t` the attention is a SwiGLU over the sequence, normalised over the sequence.
 * @param h [B·T, D], whatever is injected already added
 * @returns [B·T, D]
 */
export function runLevel(net: Network, level: string, layers: number, h: Tensor2D): Tensor2D {
  const { weights, spec, constants, observer } = net;
  const { hidden_size: D, rms_norm_eps } = spec.arch;
  const T = totalLength(spec);
  const norm = (x: Tensor2D) => rmsNorm(x, rms_norm_eps);
  const acrossSequence = mixesBySwiglu(spec.arch);
  for (let i = 0; i < layers; i++) {
    const w = (name: string) => weights[`${level}.layers.${i}.${name}.weight`];
    if (acrossSequence) {
      const across = swapSequence(h, T, D);
      const mixed = norm(tf.add(across, swiglu(across, w('mlp_t.gate_up_proj'), w('mlp_t.down_proj'))));
      h = swapSequence(mixed, D, T);
    } else {
      const seen = observer?.attention && ((a: Tensor4D) => observer.attention?.(i, a));
      h = norm(tf.add(h, attention(h, w('self_attn.qkv_proj'), w('self_attn.o_proj'), spec, constants, seen)));
    }
    h = norm(tf.add(h, swiglu(h, w('mlp.gate_up_proj'), w('mlp.down_proj'))));
  }
  return h;
}
