/**
 * What was just made, once `prepare` has gone well; its tensors are given back if that fails, as nobody else has it yet.
 * @throws what `prepare` throws
 */
export async function orDispose<T extends { dispose(): void }>(
  made: T,
  prepare: (made: T) => void | Promise<void>,
): Promise<T> {
  try {
    await prepare(made);
    return made;
  } catch (error) {
    made.dispose();
    throw error;
  }
}
