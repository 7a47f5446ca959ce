// The trial of a clone with the small wheel: one product of matrices, which is all that its library can do.
const SIZE = 64;

/** @param {any} binding the addon's exports @returns {string | null} what came out wrong */
export function wrongKernel(binding) {
  const a = Float32Array.from({ length: SIZE * SIZE }, (_, i) => (i % 7) - 3);
  const b = Float32Array.from({ length: SIZE * SIZE }, (_, i) => (i % 5) - 2);
  const ids = [a, b].map((values) => binding.createTensor([SIZE, SIZE], 1, values));
  const got = binding.tensorDataSync(binding.executeOp('MatMul', [], ids, 1)[0].id);
  for (let at = 0; at < SIZE * SIZE; at++) {
    let want = 0;
    for (let k = 0; k < SIZE; k++) want += a[at - (at % SIZE) + k] * b[k * SIZE + (at % SIZE)];
    if (got[at] !== want) return `a product of matrices gave ${got[at]} instead of ${want}`;
  }
  return null;
}
