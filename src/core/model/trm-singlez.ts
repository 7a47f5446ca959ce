/**
 * TRM with a single latent. Per cycle `L_cycles` × { z_L = L(z_L + x) }, then z_L = L(z_L); `H_cycles` cycles, the last
 * one with a gradient; the answer is read from z_L. Source: `recursive_reasoning.trm_singlez`.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Architecture, Network } from './architecture';
import { scoped } from './autodiff';
import { trmHalting } from './halting';
import { headParameters, latentInit } from './heads';
import { flatten, unflatten } from './layers';
import { observed } from './observe';
import { runLevel, stackParameters } from './stack';

const LEVEL = 'L_level';

/** One cycle on flat states, each [B·T, D]. */
function cycle(net: Network, x: Tensor2D, z: Tensor2D): Tensor2D {
  const { L_cycles, L_layers } = net.spec.arch;
  for (let i = 0; i < L_cycles; i++) z = observed(net, 'L', 'z_L', runLevel(net, LEVEL, L_layers, tf.add(z, x)));
  return observed(net, 'H', 'z_L', runLevel(net, LEVEL, L_layers, z));
}

export const trmSingleZ: Architecture = {
  name: 'recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1',
  output: 'z_L',
  halting: trmHalting,

  parameters: (spec) => [
    ...headParameters(spec),
    ...stackParameters(spec, LEVEL, spec.arch.L_layers),
    latentInit('L_init', spec.arch.hidden_size),
  ],

  latents: () => [{ name: 'z_L', init: 'L_init' }],

  warmUp(net, x, { z_L }) {
    const xFlat = flatten(x);
    let z = flatten(z_L);
    for (let i = 0; i < net.spec.arch.H_cycles - 1; i++) z = scoped(() => cycle(net, xFlat, z));
    return { z_L: unflatten(z, x.shape) };
  },

  refine: (net, x: Tensor3D, { z_L }) => ({ z_L: unflatten(cycle(net, flatten(x), flatten(z_L)), x.shape) }),
};
