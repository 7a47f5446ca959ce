// What the benchmark's lines mean, and the table made of them.
import { join } from 'node:path';
import { root } from '../arc.mjs';

export const orderFile = join(root, 'scripts', 'solve', 'order.json');
export const SEED = 'trm-studio-benchmark-1';

/** @type {Record<string, { collection: string, title: string }>} */
export const SETS = {
  'arc-agi-1': { collection: 'evaluation', title: 'ARC-AGI-1 evaluation' },
  'arc-agi-2': { collection: 'evaluation2', title: 'ARC-AGI-2 evaluation' },
};

/**
 * One task at one mark.
 * @typedef {object} Line
 * @property {string} set
 * @property {string} task
 * @property {number} place in the set's order, from 0
 * @property {number} at seconds of the mark
 * @property {number | null} seconds at which the answer was there; null where the solve failed
 * @property {number} step
 * @property {boolean[]} right per test input: whether one of two attempts is its answer
 * @property {boolean} solved every test input
 * @property {string | null} ended how the solve ended: settled, budget, steps; null where it failed
 * @property {string | null} failed the sentence
 * @property {number} flops of the machine: FLOP/s of large matrix products, measured at the start
 * @property {number} threads
 * @property {string} cpu
 * @property {string} backend
 * @property {string} settings options of the solve beside its time
 */

/**
 * Published: one task from scratch on an RTX 4070, all 400 evaluation tasks, pass@2; minutes are worked out from 20 minutes
 * for 2,000 steps. FLOP/s are the card's specification in float32, not measured.
 */
export const COMPRESS_ARC = {
  name: 'CompressARC (arXiv 2512.06104), RTX 4070',
  flops: 29e12,
  tasks: 400,
  rows: [
    { at: 63, share: 0.0125 },
    { at: 126, share: 0.06 },
    { at: 306, share: 0.15 },
    { at: 624, share: 0.1925 },
  ],
};

/** @param {string} text such as "90", "60s", "2m", "1h" */
export function seconds(text) {
  const match = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text.trim());
  if (!match || Number(match[1]) <= 0) throw new Error(`"${text}" is no time: use one such as 60s, 2m or 1h.`);
  return Number(match[1]) * { s: 1, m: 60, h: 3600 }[/** @type {'s' | 'm' | 'h'} */ (match[2] ?? 's')];
}

/**
 * Tasks that still have to be solved, in the order of the file.
 * @param {readonly string[]} order @param {readonly Line[]} lines of this set @param {readonly number[]} marks
 */
export function pending(order, lines, marks) {
  const told = new Set(lines.map(({ task, at }) => `${task} ${at}`));
  return order.filter((task) => marks.some((at) => !told.has(`${task} ${at}`)));
}

/**
 * Lines of a file. One that was cut off by a crash is left out, and of two for one task and mark the later one counts.
 * @param {string} text @returns {Line[]}
 */
export function parseLines(text) {
  const lines = new Map();
  for (const json of text.split('\n')) {
    try {
      const line = JSON.parse(json);
      lines.set(`${line.set} ${line.task} ${line.at}`, line);
    } catch {
      // Its task is solved again.
    }
  }
  return [...lines.values()];
}

/** @param {unknown} a @param {unknown} b */
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/**
 * @param {{ ended: string, marks: { at: number, seconds: number, step: number, attempts: { attempt_1: number[][], attempt_2: number[][] }[] }[] }} result
 *   of the solve @param {number[][][]} answers of the test inputs
 */
export function outcomes({ ended, marks }, answers) {
  return marks.map(({ at, seconds, step, attempts }) => {
    const right = answers.map((answer, i) =>
      [attempts[i].attempt_1, attempts[i].attempt_2].some((grid) => same(grid, answer)),
    );
    const end = ended === 'solved' ? 'settled' : ended;
    return { at, seconds, step, right, solved: right.every(Boolean), ended: end, failed: null };
  });
}

/** Wilson's interval, 95 %. @param {number} hits @param {number} of @returns {[number, number]} */
export function interval(hits, of) {
  const z = 1.96;
  const p = hits / of;
  const middle = (p + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z / (1 + (z * z) / of)) * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`;
const amount = (/** @type {number} */ n) => (n >= 100 ? String(Math.round(n)) : n.toPrecision(3));
/** @param {number} seconds */
export const minutes = (seconds) => Number((seconds / 60).toPrecision(3));
const twoDigits = (/** @type {number} */ n) => String(Number(n.toPrecision(2)));
const head = [
  '',
  'minutes a task',
  'solved',
  'share',
  '95 %',
  'test inputs',
  'late',
  'PFLOP spent',
  'solved per PFLOP',
];

/** A budget is kept to a tenth: what comes later counts as not solved. @param {Line} line */
const inTime = ({ at, seconds }) => seconds !== null && seconds <= 1.1 * at;

/**
 * A table in Markdown, told as it is: only tasks with all marks count, failed ones as not solved.
 * @param {readonly Line[]} lines @param {readonly number[]} marks seconds
 */
export function table(lines, marks) {
  const rows = Object.entries(SETS).flatMap(([set, { title }]) => {
    const own = lines.filter((line) => line.set === set);
    const whole = new Set(own.map(({ task }) => task).filter((task) => !pending([task], own, marks).length));
    if (whole.size === 0) return [];
    return marks.map((at) => {
      const told = own.filter((line) => line.at === at && whole.has(line.task));
      const late = told.filter((line) => !inTime(line)).length;
      const solved = told.filter((line) => line.solved && inTime(line)).length;
      const inputs = told.flatMap((line) => line.right.map((right) => right && inTime(line)));
      // A solve that settled, or failed, took no more time.
      const spent = told.reduce((sum, line) => sum + (line.seconds ?? 0) * line.flops, 0) / 1e15;
      const [low, high] = interval(solved, told.length);
      const share = percent(solved / told.length);
      const range = `${percent(low)} to ${percent(high)}`;
      const right = `${inputs.filter(Boolean).length} of ${inputs.length}`;
      const rate = spent > 0 ? twoDigits(solved / spent) : '–';
      return [title, minutes(at), `${solved} of ${told.length}`, share, range, right, late, amount(spent), rate];
    });
  });
  const { name, flops, tasks, rows: published } = COMPRESS_ARC;
  const theirs = published.map(({ at, share }) => {
    const spent = (at * tasks * flops) / 1e15;
    const rate = twoDigits((share * tasks) / spent);
    return [name, minutes(at), `${share * tasks} of ${tasks}`, percent(share), '', '', '', amount(spent), rate];
  });
  const text = [head, head.map(() => '---'), ...rows, ...theirs].map((row) => `| ${row.join(' | ')} |`);
  return `${text.join('\n')}\n`;
}
