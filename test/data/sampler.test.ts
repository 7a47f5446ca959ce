import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Batch } from '../../src/core/data/batch';
import { openData, type OpenData } from '../../src/core/data/merged';
import { TrainSampler, type SamplerState } from '../../src/core/data/sampler';

const tiny = resolve(import.meta.dirname, '../golden/arc-tiny/expected');
let data: OpenData;
beforeAll(() => (data = openData([tiny], [])));
afterAll(() => data.close());

const sampler = (batchSize: number, epochs: number, seed = 1): TrainSampler =>
  new TrainSampler(data.train, { batchSize, epochs, seed });

/** What tells two batches apart, small enough to compare by the thousand. */
const print = (batch: Batch | null): string =>
  batch ? `${batch.puzzle_identifiers.join()} ${batch.inputs.reduce((h, t) => (Math.imul(h, 31) + t) | 0, 0)}` : 'end';

/** Batches of one iteration. */
function iteration(s: TrainSampler): Batch[] {
  const batches: Batch[] = [];
  for (let batch = s.next(); batch; batch = s.next()) batches.push(batch);
  return batches;
}

/** Group of an embedding row: in arc-tiny each group has 4 rows of its own, in order. */
const groupOf = (identifier: number): number => Math.floor((identifier - 1) / 4);

describe('the order of training', () => {
  it('takes every group once per epoch, whole puzzles as far as the batch goes', () => {
    // Batches of 1 take one example of each group; 3 epochs of 12 groups.
    const groups = iteration(sampler(1, 3)).map((b) => groupOf(b.puzzle_identifiers[0]));
    expect(groups).toHaveLength(36);
    for (const epoch of [0, 12, 24]) expect(new Set(groups.slice(epoch, epoch + 12)).size).toBe(12);
    expect(groups.slice(0, 12)).not.toEqual(groups.slice(12, 24));
  });

  it('draws the augmentations of a group evenly', () => {
    const counts = new Map<number, number>();
    for (const b of iteration(sampler(1, 1000))) {
      const id = b.puzzle_identifiers[0];
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    expect(counts.size).toBe(48);
    for (const n of counts.values()) expect(Math.abs(n - 250)).toBeLessThan(80); // σ ≈ 14
  });

  it('fills every batch, repeats no example of a puzzle in it, and drops the incomplete last one', () => {
    const batches = iteration(sampler(20, 5));
    expect(batches.length).toBeGreaterThanOrEqual(9);
    for (const batch of batches) {
      expect([batch.size, batch.filled]).toEqual([20, 20]);
      const rows = Array.from(
        { length: 20 },
        (_, b) => `${batch.puzzle_identifiers[b]} ${batch.inputs.subarray(b * 900, (b + 1) * 900).join('')}`,
      );
      // A group comes again only in another epoch: within one run of equal identifiers all examples differ.
      for (let b = 0; b < 20;) {
        let end = b;
        while (end < 20 && batch.puzzle_identifiers[end] === batch.puzzle_identifiers[b]) end++;
        expect(new Set(rows.slice(b, end)).size).toBe(end - b);
        b = end;
      }
    }
    const taken = batches.length * 20;
    const total = 5 * (184 / 4); // examples per epoch if every puzzle of a group has as many
    expect(taken).toBeLessThanOrEqual(total);
  });

  it('depends on the seed and goes on differently in the next iteration', () => {
    const [a, b, c] = [sampler(8, 2), sampler(8, 2), sampler(8, 2, 2)];
    const first = iteration(a).map(print);
    expect(iteration(b).map(print)).toEqual(first);
    expect(iteration(c).map(print)).not.toEqual(first);
    expect(iteration(a).map(print)).not.toEqual(first);
  });

  it('goes on exactly from a saved state, at every place of three iterations', () => {
    const whole = sampler(8, 2);
    const states: string[] = [];
    const prints: string[] = [];
    for (let ends = 0; ends < 3;) {
      states.push(JSON.stringify(whole.state()));
      const batch = whole.next();
      prints.push(print(batch));
      if (!batch) ends++;
    }
    expect(prints.length).toBeGreaterThan(20);
    states.forEach((state, i) => {
      const again = sampler(8, 2);
      for (let n = i % 3; n > 0; n--) again.next(); // wherever it stands before
      again.restore(JSON.parse(state) as SamplerState);
      const rest = prints.slice(i).map(() => print(again.next()));
      expect(rest).toEqual(prints.slice(i));
      expect(again.state()).toEqual(whole.state());
    });
  });

  it('refuses a state of other data, and a batch that never fills', () => {
    const state = sampler(8, 2).state();
    for (const wrong of [{ epoch: 2 }, { position: 13 }, { iteration: -1 }, { position: 0.5 }]) {
      expect(() => sampler(8, 2).restore({ ...state, ...wrong })).toThrow(/does not fit 12 groups and 2 epochs/);
    }
    expect(() => sampler(400, 1).next()).toThrow(
      /^global_batch_size is 400, but one epoch between evaluations yields only \d+ examples/,
    );
    expect(iteration(sampler(400, 20)).length).toBeGreaterThan(0);
  });

  it('goes through several data paths one after another, no batch across two of them, and resumes anywhere', () => {
    // Two paths with the same groups, opened as two datasets: groups 0–11 and 12–23.
    const copy = mkdtempSync(join(tmpdir(), 'trm-two-'));
    cpSync(tiny, copy, { recursive: true });
    const two = openData([tiny, copy], []);
    try {
      const make = (): TrainSampler => new TrainSampler(two.train, { batchSize: 7, epochs: 2, seed: 3 });
      const seen: number[] = [];
      const batch = two.train.batch.bind(two.train);
      let examples: number[] = [];
      two.train.batch = (list, size) => batch((examples = Array.from(list)), size);
      const whole = make();
      const states: string[] = [];
      const prints: string[] = [];
      for (let ends = 0; ends < 2;) {
        states.push(JSON.stringify(whole.state()));
        const made = whole.next();
        prints.push(print(made));
        if (!made) ends++;
        else {
          const paths = new Set(examples.map((e) => (e < 184 ? 0 : 1)));
          expect(paths.size).toBe(1);
          seen.push(...paths);
        }
      }
      const first = seen.slice(0, prints.indexOf('end'));
      expect(first).toEqual([...first].sort()); // all of the first path, then all of the second
      expect(new Set(first)).toEqual(new Set([0, 1]));
      states.forEach((state, i) => {
        const again = make();
        again.restore(JSON.parse(state) as SamplerState);
        expect(prints.slice(i).map(() => print(again.next()))).toEqual(prints.slice(i));
      });
      const { path: _, ...old } = JSON.parse(states[1]) as SamplerState;
      const again = make();
      again.restore(old); // a state of before paths were counted
      expect(print(again.next())).toBe(prints[1]);
      expect(() => make().restore({ ...old, path: 2 })).toThrow(/does not fit/);
    } finally {
      two.close();
      rmSync(copy, { recursive: true, force: true });
    }
  });
});
