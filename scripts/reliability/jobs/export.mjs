/** Checkpoints, bundles and curves that leave the studio: whole or not there, and exported again to the same place. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startFront } from '../lib/fronts.mjs';
import { halves, hashOf, rows, withDatabase } from '../lib/look.mjs';

/** What does not name the bundle's own place or the hour. @param {string} folder */
const contentOf = (folder) =>
  hashOf(folder, (name) => !/^(README\.md|run\.sh|trm-studio\.json|all_config\.yaml)$/.test(name));

/** @param {import('../lib/bench.mjs').Bench} bench @param {import('../lib/random.mjs').Random} random @returns {Promise<import('../lib/series.mjs').Job>} */
export async function makeJob(bench, random) {
  // Wide enough that writing takes a while.
  await bench.run('datasets', 'build', '--sudoku', '40000', '--size', '4', '--test', '16', '--name', 'boards');
  const run = await bench.train(4, 'arch.hidden_size=512', 'arch.num_heads=8', 'arch.puzzle_emb_ndim=512');
  const checkpoint = withDatabase(bench.home, (db) => rows(db, 'SELECT id FROM checkpoints WHERE run = ?', run)[0].id);
  const formats = /** @type {const} */ (['pytorch', 'safetensors', 'bundle']);
  const args = (/** @type {string} */ format, /** @type {string} */ out) => [
    'export',
    run,
    '--format',
    format,
    '--out',
    out,
  ];
  /** @type {Map<string, string>} */
  const wanted = new Map();
  for (const format of formats) {
    const out = join(bench.root, 'undisturbed', format);
    await bench.run(...args(format, out));
    wanted.set(format, contentOf(out));
  }
  let format = /** @type {string} */ (formats[0]);
  const target = () => join(bench.out, format);
  const look = async () => {
    const faults = halves(bench.out);
    // What is there must not stand in the way of the same again.
    if (!existsSync(target()) || contentOf(target()) !== wanted.get(format)) {
      if (format === 'bundle' && existsSync(target())) faults.push('half a bundle was left');
      await bench.run(...args(format, target()));
      if (contentOf(target()) !== wanted.get(format)) faults.push(`${format}: exported again, it differs`);
    }
    rmSync(target(), { recursive: true, force: true });
    return faults;
  };
  return {
    fronts: { cli: 5, server: 4, app: 1 },
    look,
    begin: async (kind) => {
      format = formats[random.below(formats.length)];
      if (kind === 'cli') {
        const { pid, ended } = bench.start([...args(format, target()), '--home', bench.home]);
        return { pid, over: ended, leave: async () => undefined };
      }
      const studio = await startFront(kind, bench);
      const call =
        format === 'bundle'
          ? studio.call('bundles.export', { run, out: target() })
          : studio.call('checkpoints.export', { checkpoint, format, out: target() });
      return { pid: studio.pid, over: Promise.race([call, studio.ended]), leave: studio.stop };
    },
    finish: async () => look(),
  };
}
