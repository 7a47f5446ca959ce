/** Files to import: right ones, and one of every kind that is wrong. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const pair = (seed: number) => ({
  input: [
    [seed % 10, 1],
    [2, 3],
  ],
  output: [
    [1, seed % 10],
    [3, 2],
  ],
});

export const task = (seed: number) => ({ train: [pair(seed), pair(seed + 1)], test: [pair(seed + 2)] });

/** A task whose test output is kept apart, as Kaggle does. */
export function kagglePair(names: readonly string[]): { challenges: unknown; solutions: unknown } {
  const challenges: Record<string, unknown> = {};
  const solutions: Record<string, unknown> = {};
  names.forEach((name, i) => {
    const { train, test } = task(i);
    challenges[name] = { train, test: test.map(({ input }) => ({ input })) };
    solutions[name] = test.map(({ output }) => output);
  });
  return { challenges, solutions };
}

/** What is wrong, the file's content, and words that the sentence about it must hold. */
export const BAD: { name: string; content: string; says: RegExp }[] = [
  { name: 'not-json.json', content: '{"train": [', says: /not-json\.json.*line 1/ },
  { name: 'deep.json', content: '['.repeat(100_000), says: /deep\.json.*nested/ },
  bad('ragged', { input: [[1, 2], [3]] }, /ragged\.json.*row 2.*1 cell.*2/),
  bad('empty-grid', { input: [] }, /empty-grid\.json.*empty/),
  bad('tall', { input: Array.from({ length: 31 }, () => [1]) }, /a grid of more than 30 rows or columns \(.*tall/),
  bad('colour-10', { input: [[10]] }, /colour-10\.json.*row 1, column 1 is 10/),
  bad('colour-negative', { input: [[-1]] }, /colour-negative\.json.* is -1/),
  bad('colour-half', { input: [[1.5]] }, /colour-half\.json.* is 1\.5/),
  bad('colour-text', { input: [['3']] }, /colour-text\.json.* is "3"/),
  {
    name: 'no-output.json',
    content: JSON.stringify({ train: [{ input: [[1]] }], test: [pair(1)] }),
    says: /no-output\.json.*train\[0\] has no output/,
  },
];

function bad(name: string, wrong: object, says: RegExp) {
  return {
    name: `${name}.json`,
    content: JSON.stringify({ train: [{ ...pair(1), ...wrong }], test: [pair(2)] }),
    says,
  };
}

/** Writes files below a new folder of the system's temporary one. @returns the folder */
export function writeFiles(files: Record<string, unknown>): string {
  const folder = mkdtempSync(join(tmpdir(), 'trm-e2e-files-'));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}
