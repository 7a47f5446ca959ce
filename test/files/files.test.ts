/** The short form of scripts/reliability/files.mjs, which does the same 10,000 times per reader with limits of memory. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeReaders, READER_NAMES } from './readers';
import { tryReader, type Reader } from './try';

let readers: Reader[] = [];
beforeAll(async () => {
  readers = await makeReaders();
});
afterAll(async () => {
  for (const reader of readers) await reader.close?.();
});

describe('a changed file is read or refused in a sentence, at once, and never half stored', () => {
  it.each(READER_NAMES)('%s', async (name) => {
    const reader = readers.find((one) => one.name === name) as Reader;
    // Unchanged, each seed is read: else the changes would say nothing.
    for (const [i, seed] of reader.seeds.entries()) await reader.read(seed, i);
    const { tried, refused, read, faults } = await tryReader(reader, { seed: 7, count: 200 });
    expect(faults).toEqual([]);
    expect(refused + read).toBe(tried);
    expect(refused).toBeGreaterThan(0);
  });
});
