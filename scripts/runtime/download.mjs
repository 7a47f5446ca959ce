import * as fs from 'node:fs';
import { join } from 'node:path';
import { megabytes } from '../lib/console.mjs';
import { bytesBelow, remove } from '../lib/files.mjs';
import { withNode } from '../lib/node.mjs';
import { run, why } from '../lib/process.mjs';
import { Problem } from '../lib/problem.mjs';

/**
 * The package's own download: TensorFlow 2.9.1 and a prebuilt addon from a cloud bucket, into the package's folder. Too
 * old for CUDA 12, so always its CPU build. It prints little and can hang behind a firewall that drops packets: what
 * counts is whether bytes arrive.
 * @param {{ paths: import('../lib/paths.mjs').Paths, node: import('../lib/node.mjs').NodeBinary, console: import('../lib/console.mjs').Console, runCommand?: import('../lib/process.mjs').Run }} context
 */
export async function packageDownload({ paths, node, console, runCommand = run }) {
  const deps = join(paths.tfjs, 'deps');
  const manifest = join(paths.tfjs, 'package.json');
  const before = fs.readFileSync(manifest);
  remove(paths.addon);
  await console.step("TensorFlow (the package's own download)", async (update) => {
    const arrived = () => bytesBelow(deps) + bytesBelow(join(paths.tfjs, 'lib'));
    const timer = setInterval(() => update(megabytes(arrived())), 500);
    const outcome = await runCommand(node.path, ['scripts/install.js', 'cpu', 'download'], {
      cwd: paths.tfjs,
      env: withNode(paths.modules, node),
      timeout: 15 * 60_000,
      progress: arrived,
      stall: 45_000,
    }).finally(() => clearInterval(timer));
    console.record(`tfjs-node-gpu install.js: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
    // The script rewrites its package.json while it runs and may have been ended in between.
    fs.writeFileSync(manifest, before);
    if (outcome.code === 0 && !outcome.failure && fs.existsSync(paths.addon)) return;
    remove(deps);
    remove(paths.addon);
    throw new Problem(
      `the download of tfjs-node-gpu failed: ${outcome.code === 0 ? 'it left no addon' : why(outcome)}`,
      {
        fix: 'With pip and a C++ compiler it is not needed: install both, then run `npm run setup`.',
      },
    );
  });
}
