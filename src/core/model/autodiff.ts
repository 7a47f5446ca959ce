/** tfjs's `customGrad` and `tidy` with types that say what we use of them. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * A function of tensors whose derivative is given. Nothing inside `forward` is recorded by autodiff.
 * @param forward returns the value and what `gradient` needs of it
 * @param gradient from dL/dvalue and `saved` to dL/d of each argument
 */
export function withGradient<X extends tf.Tensor[], Y extends tf.Tensor>(
  forward: (...x: X) => { value: Y; saved: tf.Tensor[] },
  gradient: (dy: Y, saved: tf.Tensor[]) => tf.Tensor[],
): (...x: X) => Y {
  const run = tf.customGrad(((...args: unknown[]) => {
    const save = args.pop() as tf.GradSaveFunc;
    const { value, saved } = forward(...(args as X));
    save(saved);
    return { value, gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => gradient(dy as Y, kept) };
  }) as never);
  return (...x) => run(...x) as Y;
}

/** A tensor that autodiff takes for a constant, whatever it was made from: for kernels without a derivative. */
export function constant<Y extends tf.Tensor>(f: () => Y): Y {
  // A custom gradient without inputs: nothing inside is recorded, and nothing leads back from it.
  return tf.customGrad((() => ({ value: f(), gradFunc: () => [] })) as never)() as Y;
}

/** `tf.tidy` for any plain structure of tensors: what it returns stays, the rest is freed. */
export const scoped = <T>(f: () => T): T => tf.tidy(f as never) as unknown as T;

/** Frees what autodiff kept for a derivative that then failed: tfjs itself frees it at the end of one that did not. */
export function freeTape(): void {
  const { state } = tf.engine();
  if (state.gradientDepth > 0) return;
  for (const { saved } of state.activeTape ?? []) tf.dispose(saved ?? []);
  state.activeTape = [];
}
