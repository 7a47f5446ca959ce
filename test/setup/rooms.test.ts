import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOMS } from '../../scripts/lib/rooms.mjs';

const src = resolve(__dirname, '../../src');

describe('the rooms that lint knows', () => {
  it.each(Object.entries(ROOMS))('are all folders of src/%s', (layer, rooms) => {
    const folders = readdirSync(join(src, layer), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'assets')
      .map((entry) => entry.name);
    expect([...rooms].sort()).toEqual(folders.sort());
  });
});
