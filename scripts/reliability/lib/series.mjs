/** Kills of one job, one after the other: the moment, the victim, and what is looked at afterwards. */
import { damage, leftovers } from './look.mjs';
import { isAlive, killAll, survivors, treeOf } from './processes.mjs';

/** @typedef {import('./bench.mjs').Bench} Bench */
/** @typedef {import('./fronts.mjs').FrontKind} FrontKind */

/**
 * @typedef {object} Work a job that has begun
 * @property {number} pid            the studio's process
 * @property {Promise<unknown>} over  settles when the job is over, whichever way
 * @property {() => Promise<void>} leave   ends the front, when it still lives
 */

/**
 * @typedef {object} Job
 * @property {Partial<Record<FrontKind, number>>} fronts  how often each front is taken
 * @property {(front: FrontKind) => Promise<Work>} begin
 * @property {(cut: boolean) => Promise<string[]>} look   after the kill, or its own end, and the next start
 * @property {() => Promise<string[]>} finish             at the end of the series: what was cut is done to its end
 * @property {() => Promise<unknown>} [startAgain]        the next start, where it is not the studio's
 * @property {boolean} [ownChecks]                        has no studio home to look at
 * @property {boolean} [noCompute]                        is not done by a compute process
 * @property {boolean} [atOnce]                           the next start does not wait until what was killed is gone
 */

/** How long a compute process may take to find that its studio is gone. */
const ORPHAN_MS = 15_000;
/** Before this, Node itself is still starting. */
const STARTING_MS = 100;
const VICTIMS = { studio: 5, compute: 2, all: 3 };

/**
 * @param {Bench} bench @param {Job} job
 * @param {{ count: number, minutes: number, fronts: readonly string[], random: import('./random.mjs').Random }} options
 * @param {(line: object) => void} tell
 */
export async function series(bench, job, { count, minutes, fronts, random }, tell) {
  const weights = Object.fromEntries(Object.entries(job.fronts).filter(([front]) => fronts.includes(front)));
  /** @type {Map<string, { ms: number, files: number }>} */
  const measured = new Map();
  const summary = {
    kills: 0,
    missed: 0,
    failed: 0,
    fronts: {},
    victims: {},
    moments: {},
    faults: /** @type {string[]} */ ([]),
  };
  const add = (/** @type {Record<string, number>} */ counts, /** @type {string} */ key) =>
    (counts[key] = (counts[key] ?? 0) + 1);
  const note = (/** @type {object} */ line, /** @type {string[]} */ faults) => {
    if (faults.length) summary.failed++;
    for (const fault of faults) if (summary.faults.length < 50) summary.faults.push(fault);
    tell({ ...line, faults });
  };
  const end = performance.now() + minutes * 60_000;
  while (summary.kills < count && summary.missed < 3 * count + 10 && performance.now() < end) {
    const front = /** @type {FrontKind} */ (random.weighted(weights));
    const size = measured.get(front);
    if (!size) {
      // The first of each front is left alone: how long it takes, and how often it touches a file.
      const { ms, files } = await undisturbed(bench, await job.begin(front));
      measured.set(front, { ms, files });
      note({ front, undisturbed: true, ms: Math.round(ms), files }, await after(bench, job, false));
      continue;
    }
    const victim = job.noCompute ? random.weighted({ studio: 1, all: 1 }) : random.weighted(VICTIMS);
    const moment = momentOf(random, size);
    let shot;
    try {
      shot = await shoot(bench, await job.begin(front), moment, victim, job.atOnce);
    } catch (error) {
      summary.missed++;
      note({ n: summary.kills, front }, [`it did not begin: ${error instanceof Error ? error.message : error}`]);
      continue;
    }
    if (shot.missed) summary.missed++;
    else {
      summary.kills++;
      add(summary.fronts, front);
      add(summary.victims, shot.victim);
      add(summary.moments, moment.at);
    }
    const faults = [...shot.faults, ...(await after(bench, job, !shot.missed)), ...(await orphans(shot.left))];
    note(
      { n: summary.kills, front, victim: shot.victim, at: moment.at, ms: Math.round(shot.ms), missed: shot.missed },
      faults,
    );
  }
  const last = await job.finish();
  // Each process removes at its own work what an earlier one left in the system's folder.
  note({ finish: true }, [...last, ...bench.temporaries().map((name) => `${name} was left among the temporary files`)]);
  return summary;
}

/** @param {import('./random.mjs').Random} random @param {{ ms: number, files: number }} size */
function momentOf(random, { ms, files }) {
  const at = files > 0 ? random.weighted({ time: 1, file: 1 }) : 'time';
  return at === 'time'
    ? { at, ms: STARTING_MS + random.next() * Math.max(50, ms - STARTING_MS) }
    : { at, file: 1 + random.below(files), ms: random.next() * 5 };
}

/** @param {Bench} bench @param {Work} work */
async function undisturbed(bench, work) {
  const began = performance.now();
  let files = 0;
  const end = bench.watchFiles(() => files++);
  await work.over;
  const ms = performance.now() - began;
  end();
  await work.leave();
  return { ms, files };
}

/**
 * Waits for the moment and kills.
 * @param {Bench} bench @param {Work} work @param {{ at: string, ms: number, file?: number }} moment @param {string} wanted
 * @param {boolean} [atOnce] leaves those that outlive it to whoever looks next
 */
async function shoot(bench, work, moment, wanted, atOnce = false) {
  const began = performance.now();
  let over = false;
  const ended = work.over.then(
    () => (over = true),
    () => (over = true),
  );
  let files = 0;
  /** @type {() => void} */
  let unwatch = () => undefined;
  if (moment.file !== undefined) {
    await Promise.race([
      ended,
      new Promise((resolve) => (unwatch = bench.watchFiles(() => ++files === moment.file && resolve(null)))),
    ]);
  }
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, moment.ms))]);
  unwatch();
  const ms = performance.now() - began;
  const tree = treeOf(work.pid);
  if (over || !tree.length) {
    await work.leave();
    return { missed: true, victim: wanted, ms, faults: await orphans(tree.slice(1)), left: [] };
  }
  const compute = tree.filter((p) => /compute\.js|utility-sub-type=node/.test(p.command));
  // A process for computing may not have been started yet.
  const victim = wanted === 'compute' && !compute.length ? 'studio' : wanted;
  if (victim === 'compute') {
    killAll([compute[0]]);
    await ended;
    await work.leave();
  } else killAll(victim === 'all' ? tree : tree.slice(0, 1));
  const faults = atOnce ? [] : await orphans(tree);
  await work.over.catch(() => undefined);
  return { missed: false, victim, ms, faults, left: atOnce ? tree : [] };
}

/** @param {import('./processes.mjs').Process[]} tree */
async function orphans(tree) {
  const left = await survivors(tree, ORPHAN_MS);
  const faults = left.map(
    ({ pid, command }) => `process ${pid} outlived its studio by ${ORPHAN_MS / 1000} s: ${command}`,
  );
  killAll(left.filter(isAlive));
  return faults;
}

/** The next start, and what must hold after it. @param {Bench} bench @param {Job} job @param {boolean} cut */
async function after(bench, job, cut) {
  const faults = [];
  try {
    if (!job.ownChecks) faults.push(...damage(bench.home).map((fault) => `before the next start: ${fault}`));
    await (job.startAgain ? job.startAgain() : bench.startAgain());
    if (!job.ownChecks) faults.push(...damage(bench.home), ...leftovers(bench.home));
    faults.push(...(await job.look(cut)));
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  }
  return faults;
}
