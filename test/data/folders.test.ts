/** Folders that cannot be made, and why: on real file systems, mounted for the test where that is allowed. */
import { mkdtempSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Disk, whyNoMounts } from '../../scripts/reliability/lib/mounted-disk.mjs';
import { writeAtomically } from '../../src/core/lib/atomic';
import { makeFolders } from '../../src/core/lib/folders';
import { toWireError } from '../../src/shared/errors';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trm-folders-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sentence = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    return toWireError(error).message;
  }
  throw new Error('it was made');
};

describe('folders with their parents', () => {
  it('are made where they are missing, and told', () => {
    const inner = join(folder, 'a', 'b');
    expect(makeFolders(inner)).toEqual([join(folder, 'a'), inner]);
    expect(statSync(inner).isDirectory()).toBe(true);
    expect(makeFolders(inner)).toEqual([]);
  });

  it('are refused in a sentence where a file, or a link that leads nowhere, has the name', () => {
    writeFileSync(join(folder, 'file'), '');
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    for (const taken of ['file', 'link']) {
      for (const path of [join(folder, taken), join(folder, taken, 'below')])
        expect(sentence(() => makeFolders(path))).toBe(
          `Part of the path ${join(folder, taken)} is a file, not a folder: check the path.`,
        );
    }
  });

  it.skipIf(process.platform !== 'linux')('end where a parent takes none (/proc)', () => {
    expect(sentence(() => makeFolders('/proc/trm/x'))).toContain('/proc/trm');
  });

  it.skipIf(whyNoMounts() !== null)('say that a disk is read-only, or does not answer, and not that they are missing', async () => {
    const disk = new Disk(folder, 32);
    try {
      mkdirSync(join(disk.at, 'here'));
      const below = join(disk.at, 'here', 'a', 'b');
      disk.readOnly();
      const readOnly = `${join(disk.at, 'here', 'a')} is on a read-only file system: choose another folder.`;
      expect(sentence(() => makeFolders(below))).toBe(readOnly);
      const written = writeAtomically(join(below, 'file'), [Buffer.from('x')]);
      expect(toWireError(await written.catch((error: unknown) => error)).message).toBe(readOnly);
      disk.repair();
      disk.vanish();
      expect(sentence(() => makeFolders(below))).toContain('does not answer (EIO)');
    } finally {
      disk.close();
    }
  });
}); // prettier-ignore
