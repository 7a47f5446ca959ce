/** The model of a run's checkpoint. */
import * as tf from '@tensorflow/tfjs-core';
import { openCheckpoint, readWeights, specOf, type OpenCheckpoint } from '../checkpoint/native/checkpoint';
import { makeConstants } from '../model/layers';
import { architectureOf } from '../model/registry';
import type { Evaluated } from '../act/batch';

export interface OpenModel {
  checkpoint: OpenCheckpoint;
  model: Evaluated;
  dispose(): Promise<void>;
}

/** @throws StudioError if the file is no checkpoint */
export async function openModel(path: string, which: 'ema' | 'raw'): Promise<OpenModel> {
  const checkpoint = await openCheckpoint(path);
  const owned: tf.Tensor[] = [];
  const dispose = async (): Promise<void> => {
    tf.dispose(owned);
    checkpoint.file.close();
  };
  try {
    const spec = specOf(checkpoint.meta);
    const weights = await readWeights(checkpoint, which, (values, shape) => {
      const tensor = tf.tensor(values, [...shape], 'float32');
      owned.push(tensor);
      return tensor;
    });
    const constants = makeConstants(spec);
    if (constants.rope) owned.push(...Object.values(constants.rope));
    const architecture = architectureOf(checkpoint.meta.config.arch.name);
    return { checkpoint, model: { architecture, net: { spec, weights, constants } }, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
