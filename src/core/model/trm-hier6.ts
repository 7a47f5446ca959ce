/**
 * TRM with six low latents. L cycle k writes z_Lk = L(Σ z_L + (z_H + x)); then z_H = L(z_H + Σ z_L); `H_cycles` cycles,
 * the last one with a gradient. Latents beyond L_cycles keep their first vectors and still count in the sum.
 * Source: `recursive_reasoning.trm_hier6`.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { HIER6_LATENTS } from '../../shared/architectures';
import type { Architecture, Latents, Network } from './architecture';
import { scoped } from './autodiff';
import { trmHalting } from './halting';
import { headParameters, latentInit } from './heads';
import { flatten, unflatten } from './layers';
import { observed } from './observe';
import { runLevel, stackParameters } from './stack';

const LEVEL = 'L_level';
const NUMBERS = Array.from({ length: HIER6_LATENTS }, (_, k) => k + 1);

interface Flat {
  /** [B·T, D] */
  H: Tensor2D;
  /** Six of them. */
  L: Tensor2D[];
}

/** From the first to the last, the reference's order of rounding. */
const total = (L: Tensor2D[]): Tensor2D => L.reduce((sum, z) => tf.add(sum, z) as Tensor2D);

function cycle(net: Network, x: Tensor2D, { H, L }: Flat): Flat {
  const { L_cycles, L_layers } = net.spec.arch;
  const injection = tf.add(H, x);
  const next = [...L];
  for (let k = 0; k < L_cycles; k++) {
    next[k] = observed(net, 'L', `z_L${k + 1}`, runLevel(net, LEVEL, L_layers, tf.add(total(next), injection)));
  }
  return { H: observed(net, 'H', 'z_H', runLevel(net, LEVEL, L_layers, tf.add(H, total(next)))), L: next };
}

const flat = (z: Latents): Flat => ({ H: flatten(z.z_H), L: NUMBERS.map((k) => flatten(z[`z_L${k}`])) });

function unflat({ H, L }: Flat, shape: Tensor3D['shape']): Latents {
  const low = NUMBERS.map((k) => [`z_L${k}`, unflatten(L[k - 1], shape)]);
  return { z_H: unflatten(H, shape), ...(Object.fromEntries(low) as Latents) };
}

export const trmHier6: Architecture = {
  name: 'recursive_reasoning.trm_hier6@TinyRecursiveReasoningModel_ACTV1',
  output: 'z_H',
  halting: trmHalting,

  parameters(spec) {
    const D = spec.arch.hidden_size;
    return [
      ...headParameters(spec),
      ...stackParameters(spec, LEVEL, spec.arch.L_layers),
      latentInit('H_init', D),
      ...NUMBERS.map((k) => latentInit(`L${k}_init`, D)),
    ];
  },

  latents: () => [{ name: 'z_H', init: 'H_init' }, ...NUMBERS.map((k) => ({ name: `z_L${k}`, init: `L${k}_init` }))],

  warmUp(net, x, latents) {
    const xFlat = flatten(x);
    let z = flat(latents);
    for (let i = 0; i < net.spec.arch.H_cycles - 1; i++) z = scoped(() => cycle(net, xFlat, z));
    return unflat(z, x.shape);
  },

  refine: (net, x, latents) => unflat(cycle(net, flatten(x), flat(latents)), x.shape),
};
