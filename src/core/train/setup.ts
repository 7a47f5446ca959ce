/** What a step is made from, from a config and a dataset's sizes alone. */
import type { TrainConfig } from '../../shared/config';
import type { ModelSpec } from '../model/architecture';
import { totalLength } from '../model/architecture';
import { makeConstants } from '../model/layers';
import { architectureOf } from '../model/registry';
import type { Program } from './program';
import type { StateShapes } from './layout';

/** The caller disposes of the program's constants. */
export function makeProgram(config: TrainConfig, spec: ModelSpec): Program {
  const architecture = architectureOf(config.arch.name);
  const learning = architecture.parameters(spec).filter((p) => p.trained);
  const trained = config.freeze_weights ? [] : learning.map((p) => p.name);
  return { architecture, spec, constants: makeConstants(spec), trained, config };
}

/** Shapes of all that lives on the device from step to step. */
export function stateShapes({ architecture, spec, trained }: Program, config: TrainConfig): StateShapes {
  const parameters = architecture.parameters(spec);
  const z = [config.global_batch_size, totalLength(spec), spec.arch.hidden_size];
  const shapesOf = (list: typeof parameters) => new Map(list.map((p) => [p.name, p.shape]));
  const moments = shapesOf(parameters.filter((p) => trained.includes(p.name)));
  return {
    weights: shapesOf(parameters),
    m: moments,
    v: moments,
    ema: shapesOf(config.ema ? parameters.filter((p) => p.trained) : []),
    latents: new Map(architecture.latents(spec).map(({ name }) => [name, z])),
  };
}

/** Rows of the puzzle embedding; 0 without. */
export const embeddingRows = ({ arch, num_puzzle_identifiers }: ModelSpec): number =>
  arch.puzzle_emb_ndim ? num_puzzle_identifiers : 0;
