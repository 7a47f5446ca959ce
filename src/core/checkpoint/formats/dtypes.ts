/** Number formats of stored tensors: safetensors' names, PyTorch's storages, and the way to float32 and back. */
export const DTYPES = {
  F64: { bytes: 8, storage: 'DoubleStorage', floating: true },
  F32: { bytes: 4, storage: 'FloatStorage', floating: true },
  F16: { bytes: 2, storage: 'HalfStorage', floating: true },
  BF16: { bytes: 2, storage: 'BFloat16Storage', floating: true },
  I64: { bytes: 8, storage: 'LongStorage', floating: false },
  I32: { bytes: 4, storage: 'IntStorage', floating: false },
  I16: { bytes: 2, storage: 'ShortStorage', floating: false },
  I8: { bytes: 1, storage: 'CharStorage', floating: false },
  U8: { bytes: 1, storage: 'ByteStorage', floating: false },
  BOOL: { bytes: 1, storage: 'BoolStorage', floating: false },
} as const;
export type Dtype = keyof typeof DTYPES;

export const isDtype = (name: string): name is Dtype => Object.hasOwn(DTYPES, name);

/** Bits of the float32 with the same value as a half-precision number (IEEE 754 binary16). */
function halfToFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal: shifted up until its leading bit is the hidden one.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

/** Bits of the half-precision number nearest to a float32, ties to even. */
function floatBitsToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) {
    const payload = magnitude & 0x7fffff;
    return sign | 0x7c00 | (payload === 0 ? 0 : (payload >> 13) | (payload >> 13 ? 0 : 1));
  }
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to 65536 or more
  if (magnitude >= 0x38800000) {
    const rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
    return sign | ((rounded - 0x38000000) >> 13);
  }
  if (magnitude <= 0x33000000) return sign; // half of the smallest subnormal, a tie to zero
  const shift = 126 - (magnitude >> 23);
  const whole = (magnitude & 0x7fffff) | 0x800000;
  const kept = whole >> shift;
  const rest = whole & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && kept & 1) ? 1 : 0));
}

let halves: Uint32Array | null = null;
const halfTable = (): Uint32Array =>
  (halves ??= Uint32Array.from({ length: 65_536 }, (_, half) => halfToFloatBits(half)));

/** Elements of `bytes` (little-endian, aligned) as float32; float64 and whole numbers are rounded to the nearest. */
export function toFloat32(bytes: Uint8Array, dtype: Dtype): Float32Array {
  const { buffer, byteOffset } = bytes;
  const count = bytes.byteLength / DTYPES[dtype].bytes;
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer, byteOffset, count);
    case 'BF16': {
      const from = new Uint16Array(buffer, byteOffset, count);
      const bits = new Uint32Array(count);
      for (let i = 0; i < count; i++) bits[i] = from[i] << 16;
      return new Float32Array(bits.buffer);
    }
    case 'F16': {
      const from = new Uint16Array(buffer, byteOffset, count);
      const table = halfTable();
      const bits = new Uint32Array(count);
      for (let i = 0; i < count; i++) bits[i] = table[from[i]];
      return new Float32Array(bits.buffer);
    }
    case 'F64':
      return Float32Array.from(new Float64Array(buffer, byteOffset, count));
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer, byteOffset, count), Number);
    case 'I32':
      return Float32Array.from(new Int32Array(buffer, byteOffset, count));
    case 'I16':
      return Float32Array.from(new Int16Array(buffer, byteOffset, count));
    case 'I8':
      return Float32Array.from(new Int8Array(buffer, byteOffset, count));
    case 'U8':
    case 'BOOL':
      return Float32Array.from(bytes);
  }
}

/** Formats that weights can be written in. */
export type WeightDtype = 'F64' | 'F32' | 'F16' | 'BF16';
export const isWeightDtype = (dtype: Dtype): dtype is WeightDtype => DTYPES[dtype].floating;

/** The little-endian bytes of `values` in `dtype`, rounded to nearest, ties to even. Values that came from it are exact. */
export function fromFloat32(values: Float32Array, dtype: WeightDtype): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (dtype === 'F64') return new Uint8Array(Float64Array.from(values).buffer);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  if (dtype === 'F16') for (let i = 0; i < bits.length; i++) out[i] = floatBitsToHalf(bits[i]);
  else for (let i = 0; i < bits.length; i++) out[i] = floatBitsToBrain(bits[i]);
  return new Uint8Array(out.buffer);
}

function floatBitsToBrain(bits: number): number {
  const isNaN = (bits & 0x7fffffff) > 0x7f800000;
  if (isNaN) return (bits >>> 16) | (bits & 0x7f0000 ? 0 : 1);
  // Unsigned: the sum may pass 2³¹.
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) / 65_536) & 0xffff;
}
