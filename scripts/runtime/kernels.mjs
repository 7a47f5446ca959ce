// One kernel of each family that a training step uses, against numbers that are known: products in float32 and bfloat16,
// TensorFlow's generated elementwise kernels (which some drivers cannot compile), softmax, moves, and sums by index.

const ROWS = 8;
const COLUMNS = 16;
const BFLOAT16 = 14;

/** @typedef {{ name: string, got: ArrayLike<number>, want: (i: number) => number, within: number }} Check */

/**
 * Runs every family once.
 * @param {any} binding the addon's exports
 * @param {{ bfloat16: boolean }} options
 * @returns {string | null} what came out wrong, as the end of a sentence
 */
export function wrongKernel(binding, { bfloat16 }) {
  for (const { name, got, want, within } of families(binding, bfloat16)) {
    for (let i = 0; i < got.length; i++) {
      if (Math.abs(got[i] - want(i)) <= within) continue;
      return `${name} gave ${got[i]} instead of ${want(i)}`;
    }
  }
  return null;
}

/** @param {any} binding @param {boolean} bfloat16 @returns {Generator<Check>} */
function* families(binding, bfloat16) {
  /** @type {number[]} */
  const made = [];
  const size = ROWS * COLUMNS;
  const note = (/** @type {number} */ id) => (made.push(id), id);
  const float = (/** @type {number[]} */ shape, /** @type {(i: number) => number} */ f) => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => f(i));
    return note(binding.createTensor(shape, binding.TF_FLOAT, values));
  };
  const ints = (/** @type {number[]} */ values, shape = [values.length]) =>
    note(binding.createTensor(shape, binding.TF_INT32, Int32Array.from(values)));
  const type = (/** @type {string} */ name, /** @type {number} */ value) => ({
    name,
    type: binding.TF_ATTR_TYPE,
    value,
  });
  const bool = (/** @type {string} */ name, value = false) => ({ name, type: binding.TF_ATTR_BOOL, value });
  const T = type('T', binding.TF_FLOAT);
  const run = (/** @type {string} */ op, /** @type {object[]} */ attributes, /** @type {number[]} */ inputs) =>
    note(binding.executeOp(op, attributes, inputs, 1)[0].id);
  const read = (/** @type {number} */ id) => /** @type {Float32Array} */ (binding.tensorDataSync(id));
  const cast = (/** @type {number} */ id, /** @type {number} */ from, /** @type {number} */ to) =>
    run('Cast', [type('SrcT', from), type('DstT', to), bool('Truncate')], [id]);

  // Small integers: exact in float32, in the TF32 of a GPU's tensor cores and in bfloat16.
  const a = (/** @type {number} */ i) => (i % 7) - 3;
  const b = (/** @type {number} */ i) => (i % 5) - 2;
  const product = (/** @type {number} */ i) => {
    let sum = 0;
    for (let k = 0; k < COLUMNS; k++) sum += a(Math.floor(i / ROWS) * COLUMNS + k) * b(k * ROWS + (i % ROWS));
    return sum;
  };
  const x = (/** @type {number} */ i) => 0.25 + (i % 13) / 4;
  try {
    const [left, right] = [float([ROWS, COLUMNS], a), float([COLUMNS, ROWS], b)];
    const plain = [bool('transpose_a'), bool('transpose_b'), T];
    yield { name: 'a product of matrices', got: read(run('MatMul', plain, [left, right])), want: product, within: 0 };
    if (bfloat16) {
      const low = [float([1, ROWS, COLUMNS], a), float([1, COLUMNS, ROWS], b)].map((id) =>
        cast(id, binding.TF_FLOAT, BFLOAT16),
      );
      const batched = run('BatchMatMulV2', [bool('adj_x'), bool('adj_y'), type('T', BFLOAT16)], low);
      const got = read(cast(batched, BFLOAT16, binding.TF_FLOAT));
      yield { name: 'a product in bfloat16', got, want: product, within: 0 };
    }
    const values = float([ROWS, COLUMNS], x);
    /** @type {[string, (v: number) => number][]} */
    const unary = [
      ['Rsqrt', (v) => 1 / Math.sqrt(v)],
      ['Sigmoid', (v) => 1 / (1 + Math.exp(-v))],
      ['Exp', Math.exp],
      ['Square', (v) => v * v],
    ];
    for (const [op, f] of unary)
      yield { name: op, got: read(run(op, [T], [values])), want: (i) => f(x(i)), within: 1e-3 };
    const others = float([ROWS, COLUMNS], b);
    /** @type {[string, (v: number, w: number) => number][]} */
    const binary = [
      ['Mul', (v, w) => v * w],
      ['Sub', (v, w) => v - w],
      ['Atan2', Math.atan2],
    ];
    for (const [op, f] of binary)
      yield { name: op, got: read(run(op, [T], [values, others])), want: (i) => f(x(i), b(i)), within: 1e-4 };
    const sums = Array.from({ length: ROWS }, (_, r) =>
      Array.from({ length: COLUMNS }, (_, c) => Math.exp(x(r * COLUMNS + c))).reduce((s, e) => s + e, 0),
    );
    yield {
      name: 'Softmax',
      got: read(run('Softmax', [T], [values])),
      want: (i) => Math.exp(x(i)) / sums[Math.floor(i / COLUMNS)],
      within: 1e-4,
    };
    const turned = run('Transpose', [T, type('Tperm', binding.TF_INT32)], [values, ints([1, 0])]);
    yield {
      name: 'Transpose',
      got: read(turned),
      want: (i) => x((i % ROWS) * COLUMNS + Math.floor(i / ROWS)),
      within: 0,
    };
    const order = Array.from({ length: ROWS }, (_, r) => ROWS - 1 - r);
    const tint = (/** @type {string} */ name) => type(name, binding.TF_INT32);
    const gatherTypes = [type('Tparams', binding.TF_FLOAT), tint('Tindices'), tint('Taxis')];
    const gathered = run('GatherV2', gatherTypes, [values, ints(order), ints([0], [])]);
    yield {
      name: 'GatherV2',
      got: read(gathered),
      want: (i) => x((ROWS - 1 - Math.floor(i / COLUMNS)) * COLUMNS + (i % COLUMNS)),
      within: 0,
    };
    const updated = run(
      'TensorScatterUpdate',
      [T, tint('Tindices')],
      [values, ints([2], [1, 1]), float([1, COLUMNS], b)],
    );
    yield {
      name: 'TensorScatterUpdate',
      got: read(updated),
      want: (i) => (Math.floor(i / COLUMNS) === 2 ? b(i % COLUMNS) : x(i)),
      within: 0,
    };
    const halves = Array.from({ length: ROWS }, (_, r) => r % 2);
    const segments = [T, tint('Tindices'), tint('Tnumsegments')];
    const summed = run('UnsortedSegmentSum', segments, [values, ints(halves), ints([2], [])]);
    yield {
      name: 'UnsortedSegmentSum',
      got: read(summed),
      want: (i) => {
        let sum = 0;
        for (let r = Math.floor(i / COLUMNS); r < ROWS; r += 2) sum += x(r * COLUMNS + (i % COLUMNS));
        return sum;
      },
      within: 1e-3,
    };
    const total = run('Sum', [T, tint('Tidx'), bool('keep_dims')], [left, ints([0, 1])]);
    const all = Array.from({ length: size }, (_, i) => a(i)).reduce((s, v) => s + v, 0);
    yield { name: 'Sum', got: read(total), want: () => all, within: 1e-3 };
  } finally {
    for (const id of made) binding.deleteTensor(id);
  }
}
