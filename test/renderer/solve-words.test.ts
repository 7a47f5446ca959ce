import { describe, expect, it } from 'vitest';
import type { SolveDetail, SolveInfo } from '../../src/shared/contract/solves';
import type { NetworkCheck, SolveCheck } from '../../src/shared/solve';
import { usualViews, voterOf } from '../../src/renderer/solve/solve-question';
import { assurance, resultOf } from '../../src/renderer/solve/words';

const network = (name: NetworkCheck['name'], support: number): NetworkCheck => ({
  name,
  held_out: 0.5,
  fitted: 1,
  support: [support],
});
const infoOf = (networks: NetworkCheck[]) => {
  const check: SolveCheck = { step: 25, seconds: 1, held_out: 0.5, fitted: 1, support: [0.25], networks };
  return { check } as SolveInfo;
};

describe('how sure a solve is', () => {
  it('says whose views agree where two networks voted', () => {
    expect(assurance(infoOf([network('mlp', 0.25), network('attention', 0.75)]))).toBe(
      '25 % of the MLP network’s views agree, 50 % of the held-out demonstrations solved',
    );
    expect(assurance(infoOf([network('checkpoint', 0.25)]))).toMatch(/^25 % of the views agree/);
  });
});

const candidate = (grid: string, votes: number) => ({ grid, votes, q: 0.5, views: ['a'] });

describe('a test input of a solve', () => {
  const test = { input: '1', output: '9', candidates: [candidate('2', 5), candidate('3', 4)], votes: 20, distinct: 13 };

  it('counts every vote, and looks for the answer only where candidates are kept', () => {
    expect(resultOf(test)).toMatchObject({ votes: 20, distinct: 13, rank: null, searched: 2 });
    expect(resultOf({ ...test, votes: 9, distinct: 2 })).toMatchObject({ rank: null, searched: null });
    expect(resultOf({ ...test, output: '3' })).toMatchObject({ rank: 1 });
  });
});

describe('the view that stands for a candidate', () => {
  const voters = [
    { network: 'mlp' as const, views: ['b', 'c'] },
    { network: 'attention' as const, views: ['c'] },
  ];
  const candidates = [
    { ...candidate('2', 3), views: ['b', 'c'], voters },
    { ...candidate('3', 1), views: ['d'], voters: [{ network: 'attention' as const, views: ['d'] }] },
  ];
  const solve = {
    views: ['a', 'b', 'c', 'd'],
    networks: ['mlp', 'attention'] as SolveDetail['networks'],
    test: [{ input: '1', output: null, candidates, votes: 4, distinct: 2 }],
  };

  it('is of the network that most of its votes came from', () => {
    expect(voterOf(solve, 0)).toEqual({ view: 1, network: 'mlp' });
    expect(voterOf(solve, 0, 1)).toEqual({ view: 3, network: 'attention' });
  });

  it('is the first that voted in the network that was asked for, or the task itself', () => {
    expect(voterOf(solve, 0, 0, 'attention')).toEqual({ view: 2, network: 'attention' });
    expect(voterOf(solve, 0, 1, 'mlp')).toEqual({ view: 0, network: 'mlp' });
  });

  it('is of a network that was kept, and of the only one in solves of earlier versions', () => {
    expect(voterOf({ ...solve, networks: ['attention'] }, 0)).toEqual({ view: 2, network: 'attention' });
    const old = { ...solve, networks: ['checkpoint'] as SolveDetail['networks'] };
    const test = [{ ...solve.test[0], candidates: [{ ...candidate('2', 1), views: ['c'] }] }];
    expect(voterOf({ ...old, test }, 0)).toEqual({ view: 2, network: 'checkpoint' });
    expect(voterOf({ ...old, test: [{ ...solve.test[0], candidates: [] }] }, 0)).toEqual({
      view: 0,
      network: 'checkpoint',
    });
  });
});

describe('views that a playback takes along', () => {
  it('are all on small canvases and fewer on large ones', () => {
    const views = Array.from({ length: 64 }, (_, i) => String(i));
    const of = (grid: string) =>
      usualViews({ views, train: [], test: [{ input: grid, output: null, candidates: [], votes: 0, distinct: 0 }] });
    expect([of('123'), of(Array(15).fill('1'.repeat(15)).join('/'))]).toEqual([63, 15]);
  });
});
