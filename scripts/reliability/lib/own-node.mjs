/** Imported first: in a Node that SQLite cannot be loaded in, the script runs again in the one that everything else runs in. */
import { spawnSync } from 'node:child_process';
import { findNode, NODE_NEEDED } from '../../lib/node.mjs';
import { pathsFor } from '../../lib/paths.mjs';

if (Number.parseInt(process.versions.node, 10) < NODE_NEEDED) {
  const { status } = spawnSync(findNode(pathsFor().modules).path, process.argv.slice(1), { stdio: 'inherit' });
  process.exit(status ?? 1);
}
