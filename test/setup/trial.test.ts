/** The trial of an addon: a kernel of each family, with the real addon and with one on a machine that fails at some of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { prove } from '../../scripts/runtime/prove.mjs';

const TFJS = resolve('node_modules/@tensorflow/tfjs-node-gpu');
const ADDON = join(TFJS, 'lib', 'napi-v8', 'tfjs_binding.node');
const folder = mkdtempSync(join(tmpdir(), 'trm-trial-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The addon with another `executeOp`. @param body of a function of `real`, `op` and `rest` */
function broken(name: string, body: string): string {
  const file = join(folder, `${name}.cjs`);
  const source = `
    const real = require(${JSON.stringify(ADDON)});
    const other = {};
    for (const key of Object.getOwnPropertyNames(real)) {
      other[key] = typeof real[key] === 'function' ? real[key].bind(real) : real[key];
    }
    const execute = real.executeOp.bind(real);
    other.executeOp = (op, ...rest) => { ${body} };
    module.exports = other;`;
  writeFileSync(file, source);
  return file;
}

const outcome = (addon: string) => prove(addon, { node: process.execPath });

describe('the trial of an addon', () => {
  test('runs on this machine and says how long the first use took', async () => {
    const proof = await outcome(ADDON);
    expect(proof).toMatchObject({ ok: true });
    expect(proof.ok && proof.first_use_s).toBeGreaterThanOrEqual(0);
  });
  test('finds a machine whose driver cannot compile the elementwise kernels, though products run', async () => {
    const driver = `if (op === 'Mul') throw new Error("'cuModuleLoadData' failed with 'CUDA_ERROR_UNSUPPORTED_PTX_VERSION'");`;
    const proof = await outcome(broken('driver', `${driver} return execute(op, ...rest);`));
    expect(proof).toMatchObject({ ok: false, error: expect.stringContaining('UNSUPPORTED_PTX_VERSION') as string });
  });
  test.each(['Rsqrt', 'Atan2', 'Softmax', 'Transpose', 'GatherV2', 'UnsortedSegmentSum', 'BatchMatMulV2'])(
    'finds wrong numbers of %s',
    async (op) => {
      // Another input in place of the first: a result of the right shape with other numbers.
      const swap = `
        if (op !== '${op}') return execute(op, ...rest);
        const [attributes, inputs, count] = rest;
        const zeros = execute('ZerosLike', attributes.filter(({ name }) => /^(T|Tparams)$/.test(name)).map((a) => ({ ...a, name: 'T' })), [inputs[0]], 1);
        return execute(op, attributes, [zeros[0].id, ...inputs.slice(1)], count);`;
      const proof = await outcome(broken(op, swap));
      expect(proof.ok).toBe(false);
      if (!proof.ok) expect(proof.error).toMatch(/gave .* instead of/);
    },
  );
});
