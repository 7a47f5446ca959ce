/** The graph of a training step on a device that need not be here: recorded and counted, never loaded or run. */
import * as tf from '@tensorflow/tfjs-core';
import type { TrainConfig } from '../../shared/config';
import { runsInBfloat16 } from '../backend/bfloat16';
import { currentDevice, forDevice, type Device } from '../backend/device';
import type { ModelSpec } from '../model/architecture';
import { embeddingRows, makeProgram, stateShapes } from '../train/setup';
import { planFor, type StepPlan } from '../train/step-memory';

/**
 * @param device null for this machine's own; another GPU is taken to have bfloat16
 */
export function planGraph(config: TrainConfig, spec: ModelSpec, device: Device | null): StepPlan & { fits: boolean } {
  const program = makeProgram(config, spec);
  const { forward_dtype } = spec.arch;
  const bfloat16 = device?.kind === 'gpu' ? forward_dtype === 'bfloat16' : runsInBfloat16(forward_dtype);
  const setup = {
    program,
    shapes: stateShapes(program, config),
    rows: embeddingRows(spec),
    bfloat16,
  };
  try {
    return forDevice(device ?? currentDevice(), () => planFor(setup, config.studio.micro_batch));
  } finally {
    if (program.constants.rope) tf.dispose(Object.values(program.constants.rope));
  }
}
