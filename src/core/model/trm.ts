/**
 * TRM: one shared level, two latents. Per cycle `L_cycles` × { z_L = L(z_L + (z_H + x)) }, then z_H = L(z_H + z_L);
 * `H_cycles` cycles, the last one with a gradient. Source: arXiv 2510.04871, `recursive_reasoning.trm`.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Architecture, Latents, Network } from './architecture';
import { scoped } from './autodiff';
import { headParameters, latentInit } from './heads';
import { trmHalting } from './halting';
import { flatten, unflatten } from './layers';
import { observed } from './observe';
import { runLevel, stackParameters } from './stack';

const LEVEL = 'L_level';

/** One cycle on flat states, each [B·T, D]. */
function cycle(net: Network, x: Tensor2D, z: { H: Tensor2D; L: Tensor2D }): { H: Tensor2D; L: Tensor2D } {
  const { L_cycles, L_layers } = net.spec.arch;
  const injection = tf.add(z.H, x) as Tensor2D;
  let L = z.L;
  for (let i = 0; i < L_cycles; i++) {
    L = observed(net, 'L', 'z_L', runLevel(net, LEVEL, L_layers, tf.add(L, injection)));
  }
  return { H: observed(net, 'H', 'z_H', runLevel(net, LEVEL, L_layers, tf.add(z.H, L))), L };
}

const flat = ({ z_H, z_L }: Latents) => ({ H: flatten(z_H), L: flatten(z_L) });

function unflat(z: { H: Tensor2D; L: Tensor2D }, shape: Tensor3D['shape']): Latents {
  return { z_H: unflatten(z.H, shape), z_L: unflatten(z.L, shape) };
}

export const trm: Architecture = {
  name: 'recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1',
  output: 'z_H',
  halting: trmHalting,

  parameters(spec) {
    const D = spec.arch.hidden_size;
    return [
      ...headParameters(spec),
      ...stackParameters(spec, LEVEL, spec.arch.L_layers),
      latentInit('H_init', D),
      latentInit('L_init', D),
    ];
  },

  latents: () => [
    { name: 'z_H', init: 'H_init' },
    { name: 'z_L', init: 'L_init' },
  ],

  warmUp(net, x, latents) {
    const xFlat = flatten(x);
    let z = flat(latents);
    // One tidy per cycle: without a gradient nothing of a cycle outlives it.
    for (let i = 0; i < net.spec.arch.H_cycles - 1; i++) z = scoped(() => cycle(net, xFlat, z));
    return unflat(z, x.shape);
  },

  refine: (net, x, latents) => unflat(cycle(net, flatten(x), flat(latents)), x.shape),
};
