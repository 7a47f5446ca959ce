/**
 * The baseline without recursion inside an ACT step: z_H = H(z_H + x), one deep stack, a gradient through all of it.
 * Halting compares with q_continue, which nothing teaches. Source: `recursive_reasoning.transformers_baseline`.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Architecture } from './architecture';
import { headParameters, latentInit } from './heads';
import { flatten, unflatten } from './layers';
import { observed } from './observe';
import { runLevel, stackParameters } from './stack';

const LEVEL = 'H_level';

export const transformersBaseline: Architecture = {
  name: 'recursive_reasoning.transformers_baseline@Model_ACTV2',
  output: 'z_H',
  halting: ({ act_enabled, act_inference }) => ({
    adaptive: act_enabled,
    comparesContinue: true,
    learnsContinue: false,
    inference: act_inference,
  }),

  parameters: (spec) => [
    ...headParameters(spec),
    ...stackParameters(spec, LEVEL, spec.arch.H_layers),
    latentInit('H_init', spec.arch.hidden_size),
  ],

  latents: () => [{ name: 'z_H', init: 'H_init' }],

  warmUp: (_net, _x, latents) => latents,

  refine: (net, x, { z_H }) => {
    const z = observed(net, 'H', 'z_H', runLevel(net, LEVEL, net.spec.arch.H_layers, tf.add(flatten(z_H), flatten(x))));
    return { z_H: unflatten(z, x.shape) };
  },
};
