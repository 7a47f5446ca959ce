// The jobs that the disk is taken from: what starts each, what goes on with it, and what must come out the same.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../lib/paths.mjs';
import { SetupClone, whyNoClone } from './setup-clone.mjs';
import { startScript } from './studio.mjs';
import { TINY_TASK } from './tiny.mjs';

/**
 * @typedef {object} Place
 * @property {string} disk  on the disk that fails
 * @property {string} safe  a folder on another one: what the jobs read
 *
 * @typedef {object} Job
 * @property {string} name
 * @property {(place: Place) => void} [prepare] puts on the disk what the job expects there
 * @property {(place: Place) => string[]} begin  arguments of `trm`
 * @property {(args: string[], place: Place, entries: string) => import('./studio.mjs').Started} [start] where it is not `trm`
 * @property {number} [megabytes] of the disk, where it needs more than the others
 * @property {boolean} [mayDoLess] ends well with less on a bad disk, or syncs nothing: the next one repairs it
 * @property {(place: Place, begun: boolean) => string[][]} goOn what a person types when the disk is well again
 * @property {(place: Place) => string} result  a text that is equal where the result is
 */

const home = (/** @type {Place} */ { disk }) => join(disk, 'home');
const sha = (/** @type {string | Buffer} */ bytes) => createHash('sha256').update(bytes).digest('hex');

/** The tensors of a safetensors file; its header holds how many seconds it took. */
export function tensorsOf(/** @type {string} */ path) {
  const bytes = readFileSync(path);
  return sha(bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))));
}

/** All files below, but for what tells of time. */
function filesOf(/** @type {string} */ folder, leaveOut = /^$/) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !leaveOut.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => `${path.slice(folder.length)} ${sha(readFileSync(path))}`)
    .join('\n');
}

/** Without the keys that tell of time and place. */
function timeless(/** @type {string} */ path) {
  return JSON.stringify(JSON.parse(readFileSync(path, 'utf8')), (key, value) =>
    /seconds|time|created|path|folder|checkpoint$/.test(key) ? undefined : value,
  );
}

/** The newest checkpoint of the only run in the home, or of the only other one. */
function newestCheckpoint(/** @type {Place} */ place, butNot = '') {
  const runs = join(home(place), 'runs');
  const [run] = readdirSync(runs).filter((name) => name !== butNot);
  const folder = join(runs, run, 'checkpoints');
  const steps = readdirSync(folder)
    .map((name) => Number(/^step_(\d+)\.safetensors$/.exec(name)?.[1] ?? -1))
    .sort((a, b) => b - a);
  return join(folder, `step_${steps[0]}.safetensors`);
}

const trained = (/** @type {Place} */ place) => {
  cpSync(join(place.safe, 'home'), home(place), { recursive: true });
};

const THROUGH_SERVER = join(dirname(fileURLToPath(import.meta.url)), 'through-server.mjs');

/** @type {Required<Pick<Job, 'start'>>['start']} */
const throughServer = ([what], place, entries) => startScript([THROUGH_SERVER, entries, home(place), what]);

/** @type {SetupClone | null} */
let clone = null;
/** The clone whose cache is on the disk; made at its first use. @param {Place} place */
function cloneOf({ disk, safe }) {
  if (clone?.cache !== join(disk, 'cache')) clone = new SetupClone(join(safe, 'clone'), join(disk, 'cache'));
  return clone;
}

/** @param {string} data @param {number} epochs */
export const TRAIN = (data, epochs) => [
  'train', 'arch.hidden_size=64', 'arch.num_heads=2', 'arch.L_layers=1', 'arch.H_cycles=1', 'arch.L_cycles=1',
  'arch.halt_max_steps=2', 'arch.forward_dtype=float32', 'global_batch_size=8', `epochs=${epochs}`, `eval_interval=${epochs}`,
  'evaluators=[]', 'ema=True', 'studio.checkpoint_every_steps=10', '--data', data, '--name', 'run',
]; // prettier-ignore

/** @type {Job[]} */
export const JOBS = [
  {
    name: 'training run',
    begin: (p) => [...TRAIN(join(p.safe, 'data'), 40), '--home', home(p)],
    goOn: (p, begun) =>
      begun
        ? [['train', '--resume', 'run', '--home', home(p)]]
        : [[...TRAIN(join(p.safe, 'data'), 40), '--home', home(p)]],
    result: (p) => tensorsOf(newestCheckpoint(p)),
  },
  {
    name: 'dataset build',
    begin: (p) => ['build-sudoku-dataset', '--generate', '6000', '--test', '500', '--output-dir', join(p.disk, 'data'), '--home', home(p)],
    goOn: (p) => [['build-sudoku-dataset', '--generate', '6000', '--test', '500', '--output-dir', join(p.disk, 'data'), '--home', home(p)]],
    result: (p) => filesOf(join(p.disk, 'data'), /^studio\.json$/),
  },
  {
    name: 'evaluation',
    prepare: trained,
    begin: (p) => ['eval', '-c', 'run', '--data', join(p.safe, 'many'), '--save-outputs', 'preds,q_halt_logits', '-o', join(p.disk, 'results'), '--home', home(p)],
    goOn: (p) => [['eval', '-c', 'run', '--data', join(p.safe, 'many'), '--save-outputs', 'preds,q_halt_logits', '-o', join(p.disk, 'results'), '--resume', '--home', home(p)]],
    result: (p) => timeless(join(p.disk, 'results', 'metrics.json')),
  },
  {
    name: 'solve',
    prepare: (p) => writeFileSync(join(p.safe, 'task.json'), JSON.stringify(TINY_TASK)),
    begin: (p) => ['solve', join(p.safe, 'task.json'), '--max-steps', '40', '--views', '8', '--budget', '10m', '-o', join(p.disk, 'answers'), '--home', home(p)],
    goOn: (p) => [['solve', join(p.safe, 'task.json'), '--max-steps', '40', '--views', '8', '--budget', '10m', '-o', join(p.disk, 'answers'), '--home', home(p)]],
    result: (p) => readFileSync(join(p.disk, 'answers', 'submission.json'), 'utf8'),
  },
  {
    name: 'export',
    prepare: trained,
    begin: (p) => ['export', 'run', '-f', 'pytorch', '-o', join(p.disk, 'out'), '--home', home(p)],
    goOn: (p, begun) => [['export', 'run', '-f', 'pytorch', '-o', join(p.disk, 'out'), ...(begun ? ['--force'] : []), '--home', home(p)]],
    result: (p) => filesOf(join(p.disk, 'out')),
  },
  {
    name: 'import',
    begin: (p) => ['import-checkpoint', join(p.safe, 'pytorch', 'step'), '--data', join(p.safe, 'data'), '-n', 'run', '--home', home(p)],
    goOn: (p) => [['import-checkpoint', join(p.safe, 'pytorch', 'step'), '--data', join(p.safe, 'data'), '-n', 'run', '--home', home(p)]],
    result: (p) => tensorsOf(newestCheckpoint(p)),
  },
  {
    name: 'migration',
    prepare: (p) => cpSync(join(p.safe, 'old'), home(p), { recursive: true }),
    begin: (p) => ['runs', '--json', '--home', home(p)],
    goOn: (p) => [['runs', '--json', '--home', home(p)]],
    result: (p) => (existsSync(join(home(p), 'studio.db')) ? 'opened' : 'gone'),
  },
  {
    name: 'training run, server',
    prepare: trained,
    start: throughServer,
    begin: () => ['run'],
    goOn: () => [['run']],
    result: (p) => tensorsOf(newestCheckpoint(p, readdirSync(join(p.safe, 'home', 'runs'))[0])),
  },
  {
    name: 'evaluation, server',
    prepare: trained,
    start: throughServer,
    begin: () => ['evaluation'],
    goOn: () => [['evaluation']],
    result: (p) => timeless(join(home(p), 'evaluations', readdirSync(join(home(p), 'evaluations'))[0], 'metrics.json')),
  },
  {
    name: 'set-up',
    megabytes: 192,
    mayDoLess: true,
    prepare: (p) => {
      const why = whyNoClone();
      if (why !== null) throw new Error(why);
      cloneOf(p).clear();
    },
    start: (args, p) => cloneOf(p).started(args),
    begin: () => ['scripts/setup.mjs', '--no-build'],
    goOn: () => [['scripts/setup.mjs', '--no-build']],
    result: (p) => filesOf(join(p.disk, 'cache'), /^(runtime\.json|setup\.log)$/),
  },
]; // prettier-ignore

export const SCHEMA_1 = join(ROOT, 'test', 'studio', 'fixtures', 'schema-1.sql');
