/** The benchmark's order, how it goes on, and what its table says, from lines made by hand. */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arcCollection, root } from '../../scripts/solve/arc.mjs';
import {
  interval,
  orderFile,
  outcomes,
  parseLines,
  pending,
  seconds,
  SETS,
  table,
} from '../../scripts/solve/lib/benchmark.mjs';

type Line = Parameters<typeof table>[0][number];

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'trm-benchmark-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const script = join(root, 'scripts', 'solve', 'benchmark.mjs');
const order = JSON.parse(readFileSync(orderFile, 'utf8')) as Record<string, string[]>;

function line(task: string, at: number, change: Partial<Line> = {}): Line {
  return {
    set: 'arc-agi-1',
    task,
    place: 0,
    at,
    seconds: at,
    step: 10,
    right: [true],
    solved: true,
    ended: 'budget',
    failed: null,
    flops: 1e11,
    threads: 2,
    cpu: 'a CPU',
    backend: 'TensorFlow',
    settings: '',
    ...change,
  };
}

describe('the order', () => {
  it('holds every task of both evaluation sets once, and is the one that its script makes', () => {
    for (const [set, { collection }] of Object.entries(SETS)) {
      const names = arcCollection(collection).map(({ name }) => name);
      expect([...order[set]].sort()).toEqual([...names].sort());
      expect(order[set]).not.toEqual(names);
    }
    expect([order['arc-agi-1'].length, order['arc-agi-2'].length]).toEqual([400, 120]);
    const before = readFileSync(orderFile, 'utf8');
    try {
      execFileSync(process.execPath, [join(root, 'scripts', 'solve', 'order.mjs')]);
      expect(readFileSync(orderFile, 'utf8')).toBe(before);
    } finally {
      writeFileSync(orderFile, before);
    }
  });
});

describe('going on', () => {
  it('leaves out tasks that have a line for every mark', () => {
    const lines = [line('a', 60), line('a', 120), line('b', 60)];
    expect(pending(['c', 'b', 'a'], lines, [60, 120])).toEqual(['c', 'b']);
    expect(pending(['c', 'b', 'a'], lines, [60])).toEqual(['c']);
    const text = [line('a', 60), line('a', 120), line('a', 60, { step: 20 })].map((l) => JSON.stringify(l)).join('\n');
    expect(parseLines(`${text}\n{"set": "ar`).map(({ at, step }) => [at, step])).toEqual([
      [60, 20],
      [120, 10],
    ]);
  });
});

describe('a solve’s outcome', () => {
  const grid = (colour: number) => [[colour]];
  const mark = (at: number, first: number, second: number) => ({
    at,
    seconds: at - 1,
    step: at,
    attempts: [1, 2].map(() => ({ attempt_1: grid(first), attempt_2: grid(second) })),
  });

  it('is right where one of two attempts is, and solved where every test input is', () => {
    const told = outcomes({ ended: 'solved', marks: [mark(60, 1, 2), mark(120, 3, 1)] }, [grid(1), grid(2)]);
    expect(told.map(({ right, solved, ended }) => [right, solved, ended])).toEqual([
      [[true, true], true, 'settled'],
      [[true, false], false, 'settled'],
    ]);
  });
});

describe('the table', () => {
  it('counts whole tasks only, failed ones as not solved, and operations by the time that was taken', () => {
    const lines = [
      line('a', 60),
      line('a', 120, { seconds: 80 }),
      line('b', 60, { solved: false, right: [true, false] }),
      line('b', 120, { right: [true, true] }),
      line('c', 60, { solved: false, right: [false], seconds: null, failed: 'no' }),
      line('c', 120, { solved: false, right: [false], seconds: null, failed: 'no' }),
      // Its second mark is missing.
      line('d', 60),
      // Right, and too late.
      line('e', 60, { seconds: 70 }),
      line('e', 120, { seconds: 130 }),
    ];
    const [, , one, two] = table(lines, [60, 120]).split('\n');
    // (60 + 60 + 70) s · 1e11 / 1e15 = 0.019, (80 + 120 + 130) s: 0.033; 70 s is no minute, 130 s is two within a tenth.
    expect(one).toMatch(/^\| ARC-AGI-1 evaluation \| 1 \| 1 of 4 \| 25\.0 % \| .* \| 2 of 5 \| 2 \| 0\.0190 \| 53 \|$/);
    expect(two).toMatch(/^\| ARC-AGI-1 evaluation \| 2 \| 3 of 4 \| 75\.0 % \| .* \| 4 of 5 \| 1 \| 0\.0330 \| 91 \|$/);
    expect(table(lines, [60])).toContain('2 of 5');
  });

  it('has Wilson’s intervals', () => {
    // Of 10 hits in 20: 0.299 to 0.701 (Newcombe 1998).
    const [low, high] = interval(10, 20);
    expect([low, high].map((x) => Number(x.toFixed(3)))).toEqual([0.299, 0.701]);
    expect(interval(0, 24)[0]).toBe(0);
  });

  it('is printed from a folder whose last line was cut off, and other options are refused', () => {
    const file = join(home, 'lines.jsonl');
    writeFileSync(file, ['a', 'b'].map((task) => `${JSON.stringify(line(task, 60))}\n`).join(''));
    appendFileSync(file, '{"set": "arc-ag');
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [script, '--out', home, ...args], { encoding: 'utf8' });
    expect(run('--table', '--budgets', '1m').stdout).toContain('2 of 2');
    const other = run('--budgets', '1m', '--', '--views', '8');
    expect([other.status, other.stderr]).toEqual([2, expect.stringContaining('options "", not "--views 8"')]);
    expect(run('--budgets', '1x').stderr).toBe('--budgets: "1x" is no time: use one such as 60s, 2m or 1h.\n');
    expect(run('--set', 'arc').stderr).toBe('--set is arc: use arc-agi-1 or arc-agi-2.\n');
    expect(seconds('1.5h')).toBe(5400);
  });
});
