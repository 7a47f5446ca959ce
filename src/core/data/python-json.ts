/** JSON as Python's `json.dump` prints it, so that files which both builders write are equal byte for byte. */

/** A number that Python holds as a float: whole ones print as `1.0`. */
export class PythonFloat {
  constructor(readonly value: number) {}
}

/** A map prints in its own order; an object would move keys that look like numbers to the front. */
export type PythonValue =
  | null
  | boolean
  | number
  | string
  | PythonFloat
  | readonly PythonValue[]
  | ReadonlyMap<string, PythonValue>
  | { readonly [key: string]: PythonValue };

export function pythonJson(value: PythonValue): string {
  if (value instanceof PythonFloat) return pythonFloat(value.value);
  if (Array.isArray(value)) return `[${(value as readonly PythonValue[]).map(pythonJson).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = value instanceof Map ? [...(value as ReadonlyMap<string, PythonValue>)] : Object.entries(value);
    return `{${entries.map(([key, item]) => `${pythonString(key)}: ${pythonJson(item as PythonValue)}`).join(', ')}}`;
  }
  return typeof value === 'string' ? pythonString(value) : JSON.stringify(value);
}

/** ASCII only (`ensure_ascii`), as surrogate pairs where needed. JSON.stringify escapes the rest in the same way. */
export function pythonString(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Python's `repr` of a float between 1e-4 and 1e16: the shortest digits, as here, and always a fraction. */
function pythonFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
