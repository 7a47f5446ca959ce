/**
 * HRM: two networks. Per H cycle `L_cycles` × { z_L = L(z_L + (z_H + x)) }, then z_H = H(z_H + z_L). Everything but the
 * very last z_L and the very last z_H goes without a gradient. Halting compares with q_continue, which learns.
 * Source: arXiv 2506.21734, `recursive_reasoning.hrm`.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { Architecture, Network } from './architecture';
import { scoped } from './autodiff';
import { headParameters, latentInit } from './heads';
import { flatten, unflatten } from './layers';
import { observed } from './observe';
import { runLevel, stackParameters } from './stack';

/** Flat states, each [B·T, D]. */
interface Flat {
  H: Tensor2D;
  L: Tensor2D;
}

const low = (net: Network, x: Tensor2D, { H, L }: Flat): Flat => ({
  H,
  L: observed(net, 'L', 'z_L', runLevel(net, 'L_level', net.spec.arch.L_layers, tf.add(L, tf.add(H, x)))),
});

const high = (net: Network, { H, L }: Flat): Flat => ({
  H: observed(net, 'H', 'z_H', runLevel(net, 'H_level', net.spec.arch.H_layers, tf.add(H, L))),
  L,
});

export const hrm: Architecture = {
  name: 'recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1',
  output: 'z_H',
  halting: () => ({ adaptive: true, comparesContinue: true, learnsContinue: true, inference: false }),

  parameters(spec) {
    const { hidden_size: D, H_layers, L_layers } = spec.arch;
    return [
      ...headParameters(spec),
      ...stackParameters(spec, 'H_level', H_layers),
      ...stackParameters(spec, 'L_level', L_layers),
      latentInit('H_init', D),
      latentInit('L_init', D),
    ];
  },

  latents: () => [
    { name: 'z_H', init: 'H_init' },
    { name: 'z_L', init: 'L_init' },
  ],

  warmUp(net, x, { z_H, z_L }) {
    const { H_cycles, L_cycles } = net.spec.arch;
    const xFlat = flatten(x);
    let z: Flat = { H: flatten(z_H), L: flatten(z_L) };
    for (let h = 1; h <= H_cycles; h++) {
      const last = h === H_cycles;
      z = scoped(() => {
        let inner = z;
        for (let l = 1; l <= L_cycles - (last ? 1 : 0); l++) inner = low(net, xFlat, inner);
        return last ? inner : high(net, inner);
      });
    }
    return { z_H: unflatten(z.H, x.shape), z_L: unflatten(z.L, x.shape) };
  },

  refine(net, x, { z_H, z_L }) {
    const z = high(net, low(net, flatten(x), { H: flatten(z_H), L: flatten(z_L) }));
    return { z_H: unflatten(z.H, x.shape), z_L: unflatten(z.L, x.shape) };
  },
};
