/**
 * The WebSocket's binary messages. What JSON can say is JSON; what it cannot (typed arrays, undefined, NaN, infinities, −0)
 * is left out of it as null, and a list beside it says where it belongs. So nothing in a user's data can be taken for a
 * marker: the value and the list are two things. Electron's IPC clones all of this by itself.
 *
 *     uint32 (little endian)  bytes of the JSON
 *     JSON, UTF-8             [value, [[path, kind, elements?], …]]
 *     the typed arrays' bytes, one after another in the list's order (little endian)
 */

const ARRAYS = {
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
} as const;
type ArrayKind = keyof typeof ARRAYS;
type WireArray = InstanceType<(typeof ARRAYS)[ArrayKind]>;

const PLAIN = new Map<unknown, unknown>([
  ['undefined', undefined],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
]);

type Path = (string | number)[];
type Place = [path: Path, kind: string, elements?: number];

/** Of arrays and objects in one another. More is refused on both sides: what walks a value may call itself. */
export const MAX_DEPTH = 100;

/**
 * @returns the message of `value`: null, booleans, numbers, strings, undefined, arrays, plain objects, typed arrays.
 * @throws TypeError for what cannot cross (functions, Maps, circles), with its place
 */
export function encodeWire(value: unknown): Uint8Array<ArrayBuffer> {
  const places: Place[] = [];
  const arrays: WireArray[] = [];
  const plain = extract(value, [], places, arrays);
  const head = new TextEncoder().encode(JSON.stringify([plain, places]));
  const message = new Uint8Array(4 + head.length + arrays.reduce((sum, array) => sum + array.byteLength, 0));
  new DataView(message.buffer).setUint32(0, head.length, true);
  message.set(head, 4);
  let at = 4 + head.length;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    message.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return message;
}

/** `value` as JSON takes it: itself where nothing had to be left out, else a copy. */
function extract(value: unknown, path: Path, places: Place[], arrays: WireArray[]): unknown {
  const leaveOut = (kind: string, elements?: number): null => {
    places.push(elements === undefined ? [[...path], kind] : [[...path], kind, elements]);
    return null;
  };
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : leaveOut(value === 0 ? '-0' : String(value));
    case 'undefined':
      return leaveOut('undefined');
    case 'object':
      break;
    default:
      throw unsendable(typeof value, path);
  }
  if (value === null) return null;
  if (ArrayBuffer.isView(value)) {
    const kind = (Object.keys(ARRAYS) as ArrayKind[]).find((name) => value instanceof ARRAYS[name]);
    if (!kind) throw unsendable(value.constructor.name, path);
    arrays.push(value as WireArray);
    return leaveOut(kind, (value as WireArray).length);
  }
  if (path.length >= MAX_DEPTH) throw unsendable(`something nested more than ${MAX_DEPTH} deep`, path.slice(0, 3));
  const inside = (key: string | number, item: unknown): unknown => {
    path.push(key);
    const plain = extract(item, path, places, arrays);
    path.pop();
    return plain;
  };
  if (Array.isArray(value)) {
    // Not map: it passes over holes.
    const items = Array.from(value, (item: unknown, i) => inside(i, item));
    return items.every((item, i) => item === value[i] && i in value) ? value : items;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw unsendable((value as { constructor?: { name?: string } }).constructor?.name ?? 'an object', path);
  }
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => [key, inside(key, item)]);
  const same = entries.every(([key, item]) => item === (value as Record<string, unknown>)[key]);
  // fromEntries makes a key of its own of "__proto__" too, where an assignment would set the prototype.
  return same ? value : Object.fromEntries(entries);
}

const unsendable = (what: string, path: Path): TypeError =>
  new TypeError(`${what} cannot be sent (at ${path.join('.') || 'the top'})`);

/**
 * Reads a message. Memory and time are in proportion to its length: every length it names is checked against the bytes
 * that are there before anything is made.
 * @throws Error for anything that `encodeWire` does not write
 */
export function decodeWire(message: ArrayBuffer | Uint8Array): unknown {
  // Node's Buffers too: their `slice` would not copy.
  const bytes = ArrayBuffer.isView(message)
    ? new Uint8Array(message.buffer, message.byteOffset, message.byteLength)
    : new Uint8Array(message);
  if (bytes.length < 4) throw malformed('shorter than its length field');
  const end = 4 + new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  if (end > bytes.length) throw malformed('cut off');
  const head: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(4, end)));
  if (!Array.isArray(head) || head.length !== 2 || !Array.isArray(head[1])) throw malformed('not [value, places]');
  const places = head[1] as unknown[];
  let at = end;
  for (const place of places) {
    if (!Array.isArray(place) || !Array.isArray(place[0])) throw malformed('a place without a path');
    const [path, kind, elements] = place as [unknown[], unknown, unknown];
    const [holder, key] = find(head, path);
    if (PLAIN.has(kind)) {
      holder[key] = PLAIN.get(kind);
      continue;
    }
    if (typeof kind !== 'string' || !Object.hasOwn(ARRAYS, kind)) throw malformed('an unknown kind');
    const type = ARRAYS[kind as ArrayKind];
    const length = Number(elements) * type.BYTES_PER_ELEMENT;
    if (!Number.isSafeInteger(elements) || length < 0 || at + length > bytes.length) throw malformed('cut off');
    // A copy: it begins where its element size allows, and does not keep the whole message alive.
    holder[key] = new type(bytes.slice(at, at + length).buffer);
    at += length;
  }
  if (at !== bytes.length) throw malformed('longer than it says');
  return head[0];
}

/** What holds the null at `path` of the value, and under which key. Own keys only. */
function find(head: unknown[], path: unknown[]): [holder: Record<string, unknown>, key: string] {
  if (path.length > MAX_DEPTH) throw malformed('a path too long');
  let holder = head as unknown as Record<string, unknown>;
  let key = '0';
  for (const step of path) {
    const next = holder[key];
    if (typeof next !== 'object' || next === null || ArrayBuffer.isView(next)) throw malformed('a path to nowhere');
    holder = next as Record<string, unknown>;
    key = String(step);
    if (!Object.hasOwn(holder, key)) throw malformed('a path to nowhere');
  }
  if (holder[key] !== null) throw malformed('a place that is taken');
  return [holder, key];
}

const malformed = (how: string): Error => new Error(`the message is malformed: ${how}`);

/**
 * Whether arrays and objects in `value` are nested more than `limit` deep. Goes down level by level, so that neither depth
 * nor circles nor objects that many others share (Electron's IPC clones both) make it long.
 */
export function isDeeper(value: unknown, limit = MAX_DEPTH): boolean {
  let level = containers([value]);
  for (let depth = 0; level.size > 0; depth++) {
    if (depth >= limit) return true;
    const next = new Set<object>();
    for (const holder of level) for (const item of containers(Object.values(holder))) next.add(item);
    level = next;
  }
  return false;
}

const containers = (items: unknown[]): Set<object> =>
  new Set(items.filter((i): i is object => typeof i === 'object' && i !== null && !ArrayBuffer.isView(i)));
