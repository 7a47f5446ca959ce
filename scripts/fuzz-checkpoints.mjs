#!/usr/bin/env node
// node scripts/fuzz-checkpoints.mjs [CASES] [SEED]: random changes of good checkpoint files through both readers
// (test/checkpoint/fuzz.ts). Fails on any error that is no sentence of ours, a file that takes more than a second, or more
// than 1 GB of memory.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const LIMIT_MS = 1000;
const LIMIT_BYTES = 2 ** 30;
const cases = Number(process.argv[2] ?? 10_000);
const seed = Number(process.argv[3] ?? 1);
const file = fileURLToPath(import.meta.url);

if (process.send) {
  const { module } = await runnerImport(fileURLToPath(new URL('../test/checkpoint/fuzz.ts', import.meta.url)));
  const before = process.memoryUsage.rss();
  process.send({ ready: true });
  try {
    const result = await module.fuzz(cases, seed, (/** @type {number} */ done) => process.send?.({ done }));
    // Kilobytes, of the whole life of this process.
    const peak = process.resourceUsage().maxRSS * 1024;
    process.send({ result: { ...result, memory_bytes: peak - before } });
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
} else {
  const child = fork(file, [String(cases), String(seed)]);
  let done = 0;
  /** @type {NodeJS.Timeout | undefined} A file that never ends would stop the child from telling anything. */
  let watch;
  const again = () => {
    clearTimeout(watch);
    watch = setTimeout(() => {
      process.stderr.write(
        `Nothing was heard for 100 files' time after ${done} files of seed ${seed}: a reader hangs.\n`,
      );
      child.kill('SIGKILL');
    }, 100 * LIMIT_MS);
  };
  child.on('message', (/** @type {{ done?: number, result?: Record<string, number> }} */ message) => {
    again();
    done = message.done ?? done;
    if (!message.result) return;
    const { slowest_ms: slowest, memory_bytes: memory } = message.result;
    process.stdout.write(`${JSON.stringify(message.result)}\n`);
    if (slowest <= LIMIT_MS && memory <= LIMIT_BYTES) return;
    process.stderr.write(`Too slow (${slowest} ms) or too large (${memory} bytes).\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code) => {
    clearTimeout(watch);
    if (code !== 0) process.exitCode = 1;
  });
}
