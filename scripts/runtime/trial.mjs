// Run in a child process: `node trial.mjs ADDON`. Loads the addon and runs a kernel of each family with it; prints one line
// of JSON. A library that does not fit this machine ends the process (SIGILL, SIGSEGV), which is why nobody loads it untried.
import { createRequire } from 'node:module';
import { wrongKernel } from './kernels.mjs';

/** TensorFlow of the download rung (2.9) computes bfloat16 on no CPU. */
const BFLOAT16_FROM = 16;

try {
  const binding = createRequire(import.meta.url)(process.argv[2]);
  const [, minor] = String(binding.TF_Version).split('.').map(Number);
  const options = { bfloat16: minor >= BFLOAT16_FROM };
  const begin = performance.now();
  const wrong = wrongKernel(binding, options);
  if (wrong) throw new Error(wrong);
  const between = performance.now();
  wrongKernel(binding, options);
  // What the first time took longer: libraries that load, and kernels that the driver compiles for a card newer than they.
  const seconds = Math.max(0, 2 * between - begin - performance.now()) / 1000;
  const gpu = Boolean(binding.isUsingGpuDevice());
  console.log(
    JSON.stringify({ ok: true, tensorflow: binding.TF_Version, gpu, first_use_s: Number(seconds.toFixed(2)) }),
  );
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.log(JSON.stringify({ ok: false, error: message.split('\n')[0] }));
  process.exitCode = 1;
}
