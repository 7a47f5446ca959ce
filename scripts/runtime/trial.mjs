// Run in a child process: `node trial.mjs ADDON`. Loads the addon and multiplies two matrices with it; prints one line of
// JSON. A library that does not fit this machine ends the process (SIGILL, SIGSEGV), which is why nobody loads it untried.
import { createRequire } from 'node:module';

const SIZE = 64;

/** @param {any} binding the addon's exports */
function multiply(binding) {
  const a = Float32Array.from({ length: SIZE * SIZE }, (_, i) => (i % 7) - 3);
  const b = Float32Array.from({ length: SIZE * SIZE }, (_, i) => (i % 5) - 2);
  const ids = [a, b].map((values) => binding.createTensor([SIZE, SIZE], binding.TF_FLOAT, values));
  const attributes = [
    { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: false },
    { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: false },
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
  ];
  const [result] = binding.executeOp('MatMul', attributes, ids, 1);
  const got = binding.tensorDataSync(result.id);
  for (let row = 0; row < SIZE; row++)
    for (let column = 0; column < SIZE; column++) {
      let want = 0;
      for (let k = 0; k < SIZE; k++) want += a[row * SIZE + k] * b[k * SIZE + column];
      // Small integers: exact in float32, and in the TF32 of a GPU's tensor cores.
      if (got[row * SIZE + column] !== want)
        throw new Error(`a product of matrices came out as ${got[row * SIZE + column]} instead of ${want}`);
    }
}

try {
  const binding = createRequire(import.meta.url)(process.argv[2]);
  multiply(binding);
  console.log(JSON.stringify({ ok: true, tensorflow: binding.TF_Version, gpu: Boolean(binding.isUsingGpuDevice()) }));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.log(JSON.stringify({ ok: false, error: message.split('\n')[0] }));
  process.exitCode = 1;
}
