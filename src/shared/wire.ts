/** JSON that carries typed arrays, for the WebSocket; Electron's IPC clones them by itself. */

const KINDS = { Uint8Array, Int32Array, Float32Array, Float64Array } as const;
type Kind = keyof typeof KINDS;

export function encodeWire(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) => {
    if (ArrayBuffer.isView(v)) {
      const kind = (Object.keys(KINDS) as Kind[]).find((k) => v instanceof KINDS[k]);
      if (kind) return { $array: kind, base64: toBase64(new Uint8Array(v.buffer, v.byteOffset, v.byteLength)) };
    }
    // NaN has no JSON; null would turn a missing metric into 0 on the way to a Float32Array.
    if (typeof v === 'number' && !Number.isFinite(v)) return { $number: String(v) };
    return v;
  });
}

export function decodeWire(text: string): unknown {
  return JSON.parse(text, (_key, v: unknown) => {
    if (v && typeof v === 'object') {
      const o = v as { $array?: unknown; base64?: unknown; $number?: unknown };
      if (typeof o.$number === 'string') return Number(o.$number);
      if (typeof o.$array === 'string' && typeof o.base64 === 'string' && Object.hasOwn(KINDS, o.$array)) {
        const bytes = fromBase64(o.base64);
        const kind = KINDS[o.$array as Kind];
        return kind === Uint8Array
          ? bytes
          : new kind(bytes.buffer as ArrayBuffer, 0, bytes.byteLength / kind.BYTES_PER_ELEMENT);
      }
    }
    return v;
  });
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  // In pieces: String.fromCharCode takes its bytes as arguments.
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

function fromBase64(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
