// Lean copies of the reference's traces. `node test/golden/pack.mjs DIR` writes model.bin.br from the cases under DIR;
// the tests unpack it into folders as the reference wrote them, less what would only cost space:
//   first weights, logits, q, metrics and evaluation exact; tensors that several cases share are kept once;
//   gradients of step 1 to 3e-5 of the tensor's largest, weights after a step to 2e-6 (as differences from the first);
//   the latents of the first and the last step; after the last step and in the average the small tensors and one layer,
//   but for the variants that amplify rounding all of these exact, so that they can start from the reference's state.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

const TYPES = { F32: Float32Array, F64: Float64Array, I32: Int32Array, I64: BigInt64Array, U8: Uint8Array };
const GRADIENT_LEVELS = 16_383;
const WEIGHT_STEP = 4e-6;
const SMALL = 4096;
const FILE = fileURLToPath(new URL('model.bin.br', import.meta.url));

/** @typedef {{ dtype: keyof typeof TYPES, shape: number[], data: InstanceType<typeof TYPES[keyof typeof TYPES]> }} Tensor */
/** @typedef {{ dtype: string, shape: number[], blob: number, code?: 'levels' | 'delta', scale?: number }} Entry */

/** @param {string} path @returns {Map<string, Tensor>} */
function readTensors(path) {
  const file = readFileSync(path);
  const length = Number(file.readBigUInt64LE(0));
  const { __metadata__: _, ...entries } = JSON.parse(file.toString('utf8', 8, 8 + length));
  return new Map(
    Object.entries(entries).map(([name, { dtype, shape, data_offsets: [from, to] }]) => {
      const bytes = Uint8Array.from(file.subarray(8 + length + from, 8 + length + to));
      return [name, { dtype, shape, data: new TYPES[/** @type {'F32'} */ (dtype)](bytes.buffer) }];
    }),
  );
}

/** @param {string} path @param {Map<string, Tensor>} tensors */
function writeTensors(path, tensors) {
  /** @type {Record<string, unknown>} */
  const header = {};
  let at = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, (at += data.byteLength)] };
  }
  const text = Buffer.from(JSON.stringify(header).padEnd(Math.ceil(JSON.stringify(header).length / 8) * 8));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(text.length));
  const parts = [...tensors.values()].map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  writeFileSync(path, Buffer.concat([head, text, ...parts]));
}

/** The k-th bytes of all numbers together: alike bytes lie side by side. @param {Uint8Array} bytes @param {number} size */
function planes(bytes, size) {
  const out = new Uint8Array(bytes.length);
  const n = bytes.length / size;
  for (let i = 0; i < n; i++) for (let k = 0; k < size; k++) out[k * n + i] = bytes[i * size + k];
  return out;
}

/** @param {Uint8Array} bytes @param {number} size */
function unplanes(bytes, size) {
  const out = new Uint8Array(bytes.length);
  const n = bytes.length / size;
  for (let i = 0; i < n; i++) for (let k = 0; k < size; k++) out[i * size + k] = bytes[k * n + i];
  return out;
}

const SIZES = { F32: 4, F64: 8, I32: 4, I64: 8, U8: 1 };
const parameter = (/** @type {string} */ key) => key.replace(/^(step\d+\.\w+\.|ema\.)?(_orig_mod\.)?model\.inner\./, '');

/** Whether a tensor of train.safetensors is worth its space. @param {string} key @param {Tensor} tensor @param {number} last @param {boolean} whole */
function keeps(key, { data }, last, whole) {
  const step = Number(/^step(\d+)/.exec(key)?.[1] ?? last);
  if (/\.out\.preds$/.test(key)) return false;
  if (/\.carry\.z/.test(key)) return step === 1 || (step === last && !/z_L[1-6]/.test(key));
  if (/\.grad\./.test(key)) return step === 1;
  if (/\.after\./.test(key) && (step === 1 || whole)) return true;
  if (/\.after\.|^ema\./.test(key)) return data.length <= SMALL || (/\.after\./.test(key) && /layers\.0/.test(key));
  return true;
}

/** @param {string} root a folder of cases */
function pack(root) {
  /** @type {Uint8Array[]} */
  const blobs = [];
  /** @type {Map<string, number>} */
  const known = new Map();
  /** @param {Uint8Array} bytes */
  const store = (bytes) => {
    const key = Buffer.from(bytes).toString('latin1');
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, blobs.length);
    return blobs.push(bytes) - 1;
  };
  /** @param {Tensor} t @returns {Entry} */
  const exact = ({ dtype, shape, data }) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return { dtype, shape, blob: store(planes(bytes, SIZES[dtype])) };
  };
  /** @param {Tensor} t @param {Float32Array} from @param {number} scale @param {'levels' | 'delta'} code @returns {Entry} */
  const coarse = ({ shape, data }, from, scale, code) => {
    const levels = Int16Array.from(/** @type {Float32Array} */ (data), (x, i) => Math.round((x - (from[i] ?? 0)) / scale));
    return { dtype: 'F32', shape, blob: store(planes(new Uint8Array(levels.buffer), 2)), code, scale };
  };
  const cases = readdirSync(root).sort().map((name) => {
    const read = (/** @type {string} */ file) => readTensors(join(root, name, `${file}.safetensors`));
    const json = (/** @type {string} */ file) => JSON.parse(readFileSync(join(root, name, `${file}.json`), 'utf8'));
    const config = json('config');
    const whole = config.arch.mlp_t === true || config.arch.name.includes('singlez');
    const weights = read('weights');
    const first = new Map([...weights].map(([key, { data }]) => [parameter(key), /** @type {Float32Array} */ (data)]));
    const encode = (/** @type {string} */ key, /** @type {Tensor} */ tensor) => {
      if (whole && /^step\d+\./.test(key)) return exact(tensor);
      if (/\.grad\./.test(key)) {
        const largest = /** @type {Float32Array} */ (tensor.data).reduce((a, x) => Math.max(a, Math.abs(x)), 0);
        return largest ? coarse(tensor, new Float32Array(0), largest / GRADIENT_LEVELS, 'levels') : exact(tensor);
      }
      const from = first.get(parameter(key));
      if (from && /\.after\.|^ema\./.test(key)) return coarse(tensor, from, WEIGHT_STEP, 'delta');
      return exact(tensor);
    };
    const files = {
      weights: Object.fromEntries([...weights].map(([key, t]) => [key, exact(t)])),
      train: Object.fromEntries([...read('train')].filter(([key, t]) => keeps(key, t, config.steps, whole)).map(([key, t]) => [key, encode(key, t)])),
      eval: Object.fromEntries([...read('eval')].filter(([key]) => !key.endsWith('preds')).map(([key, t]) => [key, exact(t)])),
    };
    return { name, config, metrics: json('metrics'), files };
  });
  const head = Buffer.from(JSON.stringify({ cases, blobs: blobs.map((b) => b.length) }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const whole = Buffer.concat([length, head, ...blobs]);
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: whole.length } };
  writeFileSync(FILE, brotliCompressSync(whole, options));
}

/**
 * Writes the cases as folders.
 * @param {string} target
 * @returns {string[]} their names
 */
export function unpack(target) {
  const whole = brotliDecompressSync(readFileSync(FILE));
  const length = whole.readUInt32LE(0);
  /** @type {{ cases: { name: string, config: unknown, metrics: unknown, files: Record<string, Record<string, Entry>> }[], blobs: number[] }} */
  const { cases, blobs } = JSON.parse(whole.toString('utf8', 4, 4 + length));
  let at = 4 + length;
  const parts = blobs.map((size) => whole.subarray(at, (at += size)));
  for (const { name, config, metrics, files } of cases) {
    mkdirSync(join(target, name), { recursive: true });
    writeFileSync(join(target, name, 'config.json'), JSON.stringify(config));
    writeFileSync(join(target, name, 'metrics.json'), JSON.stringify(metrics));
    /** @type {Map<string, Float32Array>} */
    const first = new Map();
    for (const [file, entries] of Object.entries(files)) {
      const tensors = new Map();
      for (const [key, { dtype, shape, blob, code, scale = 1 }] of Object.entries(entries)) {
        const Type = TYPES[/** @type {'F32'} */ (dtype)];
        let data;
        if (code) {
          const from = code === 'delta' ? first.get(parameter(key)) : undefined;
          const levels = new Int16Array(unplanes(parts[blob], 2).buffer);
          data = Float32Array.from(levels, (n, i) => (from?.[i] ?? 0) + n * scale);
        } else data = new Type(unplanes(parts[blob], SIZES[/** @type {'F32'} */ (dtype)]).buffer);
        if (file === 'weights') first.set(parameter(key), data);
        tensors.set(key, { dtype, shape, data });
      }
      writeTensors(join(target, name, `${file}.safetensors`), tensors);
    }
  }
  return cases.map(({ name }) => name);
}

if (process.argv[1] && basename(resolve(process.argv[1])) === 'pack.mjs') pack(process.argv[2]);
