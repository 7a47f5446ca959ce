/** The soak's short form: two cycles of mixed use leave what one left; and its judge sees what grows. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { judge } from '../../scripts/reliability/lib/judge.mjs';
import { builtEntries } from '../studio/build';
import { freshFolder } from '../studio/home';

const SCRIPT = join(__dirname, '..', '..', 'scripts', 'reliability', 'soak.mjs');

interface Sample {
  studio: { fds: number };
  home: object;
  tensors: number;
  sitting: number;
}

it.skipIf(process.platform !== 'linux')('two cycles leave no file, no handle and no tensor, over two sittings', async () => {
  const out = freshFolder();
  const entries = await builtEntries();
  const env = { ...process.env, TF_NUM_INTRAOP_THREADS: '2', OMP_NUM_THREADS: '2' };
  for (const cycles of ['1', '1'])
    execFileSync(process.execPath, [SCRIPT, '--out', out, '--cycles', cycles, '--entries', entries], { env, stdio: 'pipe' });
  const samples = readFileSync(join(out, 'samples.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Sample);
  expect(samples.map((s) => s.sitting)).toEqual([1, 2]);
  expect(samples[1].home).toEqual(samples[0].home);
  expect(samples[1].studio.fds).toBeLessThanOrEqual(samples[0].studio.fds + 2);
}, 300_000); // prettier-ignore

it('names what grows, by the bound that it breaks', () => {
  const sample = (n: number, patch: object) =>
    ({
      time: '', sitting: 1, cycle: n, hours: n, studio: { pid: 1, rss: 3e8, fds: 30, threads: 9 },
      compute: [{ pid: 2, rss: 6e8, fds: 20, threads: 9 }], tensors: 13, handles: 0, done: { runs: 1 },
      home: { files: 14, bytes: 5000 }, logs: { files: 1, bytes: 500 }, database: { bytes: 5e6, wal: 4e6 }, ...patch,
    }) as never; // prettier-ignore
  const over = (patch: (n: number) => object) => judge(Array.from({ length: 100 }, (_, n) => sample(n, patch(n)))).faults;
  expect(over(() => ({}))).toEqual([]);
  expect(over((n) => ({ home: { files: 14 + Math.floor(n / 30), bytes: 5000 } }))).toEqual([
    expect.stringMatching(/^Grown: files in the home: 15 → 17, at most 17\.$/),
  ]);
  expect(over((n) => ({ studio: { pid: 1, rss: 3e8 + n * 1e6, fds: 30 + n, threads: 9 } }))).toHaveLength(2);
  expect(over((n) => ({ database: { bytes: 5e6 + n * 1e5, wal: 4e6 } }))).toHaveLength(1);
  // A peak that goes away is no growth.
  expect(over((n) => ({ tensors: n % 7 ? 13 : 44 }))).toEqual([]);
}); // prettier-ignore
