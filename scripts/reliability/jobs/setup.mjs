/** A set-up of a clone of its own: the next start must repair it, and leave what an undisturbed one leaves. */
import { cpSync, existsSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, sha256 } from '../lib/look.mjs';
import { SetupClone, whyNoClone } from '../lib/setup-clone.mjs';

/** What tells of time: the report and its stamp, and the log. */
const TELLS_TIME = /(^|\/)(runtime(-stamp)?\.json|setup\.log(\.old)?)$/;

/**
 * @param {import('../lib/bench.mjs').Bench} bench
 * @param {import('../lib/random.mjs').Random} random
 * @returns {Promise<import('../lib/series.mjs').Job>}
 */
export async function makeJob(bench, random) {
  const why = whyNoClone();
  if (why !== null) throw new Error(`A set-up cannot be killed here: ${why}.`);
  // Its name may not come from the system's folder for temporary files, which a set-up is checked to leave empty.
  const clone = new SetupClone(join(bench.out, 'clone'), join(bench.out, 'cache'), join(bench.root, 'wheels'));
  clone.env.TMPDIR = bench.temporary;
  await must(clone.setUp());
  const wanted = stateOf(clone);
  const kept = join(bench.root, 'kept-cache');
  cpSync(clone.cache, kept, { recursive: true });
  const { stamps, addon } = clone.paths;
  const keptClone = join(bench.root, 'kept-clone');
  cpSync(stamps, join(keptClone, 'stamps'), { recursive: true });
  cpSync(addon, join(keptClone, 'addon'));
  const library = 'tensorflow/2.21.0-cpu/tensorflow/libtensorflow_framework.so.2';
  if (!existsSync(join(kept, library))) throw new Error(`${library} is not where the set-up is known to put it`);
  return {
    fronts: { cli: 1 },
    noCompute: true,
    ownChecks: true,
    // Its tools may outlive it for a moment: the next start has to cope with them.
    atOnce: true,
    begin: async () => {
      clone.clear();
      const from = random.weighted({ nothing: 2, damaged: 1, whole: 1 });
      if (from !== 'nothing') cpSync(kept, clone.cache, { recursive: true });
      if (from === 'damaged') truncateSync(join(clone.cache, library), 1000);
      if (from === 'whole') {
        cpSync(join(keptClone, 'stamps'), stamps, { recursive: true });
        cpSync(join(keptClone, 'addon'), addon);
      }
      const { pid, ended } = clone.setUp();
      return { pid, over: ended, leave: async () => undefined };
    },
    startAgain: () => must(clone.start()),
    look: async () => {
      const faults = [];
      const wrong = await clone.verify();
      if (wrong !== null) faults.push(wrong);
      const now = stateOf(clone);
      for (const [file, hash] of now) {
        if (!wanted.has(file)) faults.push(`${file} was left behind`);
        else if (wanted.get(file) !== hash) faults.push(`${file} is not that of an undisturbed set-up`);
      }
      for (const file of wanted.keys()) if (!now.has(file)) faults.push(`${file} is missing`);
      return faults;
    },
    finish: async () => {
      rmSync(clone.cache, { recursive: true });
      return [];
    },
  };
}

/** @param {{ ended: Promise<{ code: number | null, stderr: string }> }} started */
async function must({ ended }) {
  const { code, stderr } = await ended;
  if (code !== 0) throw new Error(`the set-up ended with ${code}: ${stderr.trim()}`);
}

/** Every file of the cache and of the clone, with its bytes. @param {SetupClone} clone */
function stateOf({ cache, root }) {
  /** @type {Map<string, string>} */
  const files = new Map();
  for (const [name, folder] of Object.entries({ cache, clone: root }))
    for (const file of filesBelow(folder)) {
      // Links to this checkout's Node are folders.
      if (/node_modules\/node-/.test(file)) continue;
      files.set(`${name}/${file}`, TELLS_TIME.test(file) ? '' : sha256(join(folder, file)));
    }
  return files;
}
