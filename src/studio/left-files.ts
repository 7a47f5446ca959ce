/** Files that a process was killed over, removed at the next start. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isAbandoned } from '../core/lib/whole-folder';
import { isActive } from '../shared/jobs';
import type { Context } from './context';
import { absolutePath, PROBE } from './home';
import { isAlive } from './owner';
import { removeFile, removeLeftovers } from './runs/checkpoints';
import { keptFolder } from './solves/kept';
import { removeUnfinished } from './unfinished';

/** Called when runs whose process is gone are marked. What a living process works on stays. */
export function removeLeft(context: Context): void {
  const { store, home } = context;
  removeUnfinished(context);
  for (const run of store.runs.list()) if (!isActive(run.status)) removeLeftovers(context, run);
  for (const solve of store.solves.list()) {
    // Of one that has no answer yet and is worked on by nobody.
    if (solve.bytes !== null || (solve.owner !== null && isAlive(solve.owner))) continue;
    const out = absolutePath(home, solve.path);
    for (const path of [out, `${out}.partial`, keptFolder(home, solve)]) removeFile(context, path);
  }
  removeLeftTraces(context);
  for (const folder of [home.datasets, home.solves]) {
    for (const name of readdirSync(folder)) if (isAbandoned(name)) removeFile(context, join(folder, name));
  }
  for (const name of readdirSync(home.root)) {
    if (name.startsWith(PROBE) && !isAlive(name.slice(PROBE.length))) removeFile(context, join(home.root, name));
  }
}

/** Traces are written under a row: a file that has none is left of one that was deleted while it was made. */
function removeLeftTraces(context: Context): void {
  const { store, home } = context;
  // Before the rows are read: another studio stores its row first.
  const names = readdirSync(home.traces).filter((name) => /\.safetensors(\.partial)?$/.test(name));
  const kept = new Set<string>();
  for (const { path, owner } of store.traces.list()) {
    const file = absolutePath(home, path);
    kept.add(file);
    if (owner !== null && isAlive(owner)) kept.add(`${file}.partial`);
  }
  for (const name of names) {
    const path = join(home.traces, name);
    if (!kept.has(path)) removeFile(context, path);
  }
}
