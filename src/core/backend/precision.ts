/** Which parts of a computation may run in bfloat16. JavaScript has no such tensors: only a recorded graph obeys. */

let depth = 0;

/**
 * What `f` computes may be done in bfloat16 where the graph is recorded with `bfloat16: true`. Everything else, and all of
 * eager execution, stays float32: the eager run of the same code is the float32 model.
 */
export function lowPrecision<T>(f: () => T): T {
  depth++;
  try {
    return f();
  } finally {
    depth--;
  }
}

/** True inside `lowPrecision`. */
export const inLowPrecision = (): boolean => depth > 0;
