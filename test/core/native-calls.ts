/** TensorFlow's addon with some of its calls replaced. */
import { nativeBackend } from '../../src/core/backend/native';

/** The addon's functions, bound: they refuse to be called on another object. */
export function boundCopy<T extends object>(binding: T): T {
  const functions = Object.entries(Object.getOwnPropertyDescriptors(binding)).map(([name, { value }]) => [
    name,
    typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(binding) : (value as unknown),
  ]);
  return Object.fromEntries(functions) as T;
}

/** `f` while run number `failing` of recorded graphs, counted from 1, throws `message`. */
export function whileRunFails<T>(failing: number, message: string, f: () => T): T {
  const backend = nativeBackend();
  if (!backend) throw new Error('no TensorFlow');
  const { binding } = backend;
  const copy = boundCopy(binding);
  const run = copy.runSavedModel;
  let count = 0;
  copy.runSavedModel = (...args) => {
    if (++count === failing) throw new Error(message);
    return run(...args);
  };
  backend.binding = copy;
  try {
    return f();
  } finally {
    backend.binding = binding;
  }
}
