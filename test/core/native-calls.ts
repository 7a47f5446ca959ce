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
  return whileCallFails('runSavedModel', failing, message, f).result;
}

/** `f` while call number `failing` of the addon's function, counted from 1, throws `message`. @returns also how many there were */
export function whileCallFails<T>(
  name: 'runSavedModel' | 'executeOp' | 'tensorDataSync',
  failing: number,
  message: string,
  f: () => T,
): { result: T; calls: number } {
  const backend = nativeBackend();
  if (!backend) throw new Error('no TensorFlow');
  const { binding } = backend;
  const copy = boundCopy(binding);
  const call = copy[name] as (...args: unknown[]) => never;
  let calls = 0;
  copy[name] = (...args: unknown[]) => {
    if (++calls === failing) throw new Error(message);
    return call(...args);
  };
  backend.binding = copy;
  try {
    return { result: f(), calls };
  } finally {
    backend.binding = binding;
  }
}
