import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sayProblems, sayWarnings } from '../../src/cli/import-report';
import { readBundled, BUNDLED, type BundledName } from '../../src/core/data/bundled';
import { findOverlaps, isTestSet, type TaskSet } from '../../src/core/data/overlap';
import type { ImportProblem } from '../../src/shared/contract/imports';

const resources = resolve(import.meta.dirname, '../../resources');
let folder: string;
const said: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trm-report-'));
  said.length = 0;
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(...String(text).trimEnd().split('\n')) > 0);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

describe('the notes of an import', () => {
  it('are a table of collections and one sentence where a known repository is imported again', async () => {
    const set = async (name: BundledName, as: string = name): Promise<TaskSet> =>
      ({ name: as, title: BUNDLED[name].title, test: isTestSet(as), tasks: await readBundled(resources, name) }); // prettier-ignore
    const fresh = [await set('training', 'mine-training'), await set('evaluation', 'mine-evaluation')];
    const known = [await set('training'), await set('evaluation'), await set('training2')];
    const warnings = await findOverlaps(fresh, known, true);
    expect(warnings.length).toBeGreaterThan(10);
    sayWarnings(warnings);
    expect(said.filter((line) => line.startsWith('Note: '))).toEqual([
      'Note: ARC-AGI-1 training: all 400 tasks are in the studio already, in ARC-AGI-1 training: importing again stores them twice.',
    ]);
    const rows = said.slice(1, -1).map((line) => line.split(/ {2,}/));
    expect(said[0]).toMatch(/^collection +and +same tasks +same grids, other name/);
    expect(rows).toContainEqual(['mine-evaluation', 'training2', '375', '–', '1', '376']);
    expect(new Set(rows.map(([a, b]) => [a, b].sort().join())).size).toBe(rows.length);
  });

  it('stay sentences where there are one or two', async () => {
    const warnings = await findOverlaps([{ name: 'x', title: 'X', test: false, tasks: (await readBundled(resources, 'concept')).slice(0, 2) }], [{ name: 'y', title: 'Y', test: false, tasks: (await readBundled(resources, 'concept')).slice(1, 4) }], true);
    sayWarnings(warnings);
    expect(said).toEqual(warnings.map(({ message }) => `Note: ${message}`));
    expect(said).toHaveLength(1);
  }); // prettier-ignore
});

describe('the problems of an import', () => {
  const problem = (n: number, fault: string, harmless = false): ImportProblem => ({
    file: `f/t${n % 30}.json`,
    message: `f/t${n % 30}.json: ${fault}.`,
    harmless,
  });

  it('are summed up where there are many, all of them in a file that is named', async () => {
    const file = join(folder, 'logs/problems.txt');
    const many = Array.from({ length: 40 }, (_, n) => problem(n, `train[${n}].input is empty: give it rows`));
    many.push(problem(1, '"test" is missing: add it'), problem(2, 'something is left out', true));
    await sayProblems(many, file);
    expect(said).toEqual([
      '41 problems in 30 files. The first 3:',
      ...many.slice(0, 3).map(({ message }) => `  ${message}`),
      'By kind:',
      '  40 × train[…].input is empty',
      '  1 × "test" is missing',
      `All of them are in ${file}.`,
    ]);
    expect(readFileSync(file, 'utf8').trim().split('\n')).toEqual(many.map(({ message }) => message));
  });

  it('are said one by one where there are few', async () => {
    const few = [problem(1, 'a: b'), problem(2, 'c', true)];
    await sayProblems(few, join(folder, 'x.txt'));
    expect(said).toEqual(few.map(({ message }) => message));
    expect(existsSync(join(folder, 'x.txt'))).toBe(false);
  });
});
