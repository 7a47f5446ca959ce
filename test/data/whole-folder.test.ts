import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { augmentedName, IDENTITY, parseAugmentedName } from '../../src/shared/arc-augment';
import { makeWholeFolder, removeHalves } from '../../src/core/lib/whole-folder';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trm-whole-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a folder made whole', () => {
  it('appears only when complete, with the folders above it', async () => {
    const out = join(folder, 'a/b/out');
    const result = await makeWholeFolder(out, (temporary) => {
      writeFileSync(join(temporary, 'x'), '1');
      expect(existsSync(out)).toBe(false);
      return Promise.resolve(7);
    });
    expect([result, readFileSync(join(out, 'x'), 'utf8'), readdirSync(join(folder, 'a/b'))]).toEqual([7, '1', ['out']]);
  });

  it('leaves no half where its process ends in the middle', async () => {
    let filled: () => void;
    const begun = new Promise<void>((done) => {
      filled = done;
    });
    void makeWholeFolder(join(folder, 'out'), (temporary) => {
      writeFileSync(join(temporary, 'x'), '1');
      filled();
      return new Promise<never>(() => undefined);
    });
    await begun;
    expect(readdirSync(folder)).toHaveLength(1);
    removeHalves();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not there after a failure, whose error names it and not the temporary one', async () => {
    const out = join(folder, 'out');
    const fill = (temporary: string): Promise<Buffer> => {
      writeFileSync(join(temporary, 'x'), '1');
      return Promise.resolve(readFileSync(join(temporary, 'missing')));
    };
    await expect(makeWholeFolder(out, fill)).rejects.toMatchObject({ code: 'ENOENT', path: out });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not replace what came there meanwhile', async () => {
    const out = join(folder, 'out');
    const fill = async (): Promise<void> => {
      await makeWholeFolder(join(folder, 'out/inner'), () => Promise.resolve());
    };
    await expect(makeWholeFolder(out, fill)).rejects.toMatchObject({ code: 'conflict' });
    expect(readdirSync(out)).toEqual(['inner']);
    writeFileSync(join(folder, 'file'), '');
    await expect(makeWholeFolder(join(folder, 'file'), fill)).rejects.toMatchObject({ code: 'conflict' });
  });

  it.skipIf(process.platform !== 'linux')('fails where no folder can be made, instead of trying for ever', async () => {
    await expect(makeWholeFolder('/proc/trm/out', () => Promise.resolve())).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('the names of augmented puzzles', () => {
  it('say what was done, and are read back', () => {
    const augmentation = { t: 3 as const, images: Uint8Array.from([0, 2, 8, 7, 3, 9, 1, 4, 5, 6]) };
    const name = augmentedName('00d62c1b', augmentation);
    expect(name).toBe('00d62c1b|||t3|||0287391456');
    expect(parseAugmentedName(name)).toEqual({ name: '00d62c1b', augmentation });
    expect(augmentedName('x', IDENTITY)).toBe('x');
    expect(parseAugmentedName('x')).toEqual({ name: 'x', augmentation: null });
    for (const odd of ['x|||t8|||0123456789', 'x|||t1|||1023456789', 'x|||t1', '']) {
      expect(parseAugmentedName(odd)).toEqual({ name: odd, augmentation: null });
    }
  });
});
