import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix, resolve, win32 } from 'node:path';
import fc from '../property';
import { describe, expect, it } from 'vitest';
import {
  MAX_SEGMENT_BYTES,
  distinctSegments,
  fileTitle,
  proposeSegment,
  safeSegment,
  segmentFault,
} from '../../src/shared/path-segment';

/** Names as an enemy would choose them, among any others. */
const evil = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.array(fc.constantFrom('..', '/', '\\', '.', ':', 'C:', ' ', 'con', 'NUL', '.json', 'a', '\0', '\n', '~', '\ud800', 'é', '‮'), { maxLength: 12 }).map((parts) => parts.join('')),
  fc.constantFrom('', '.', '..', '../../x', '/etc/passwd', 'C:\\x', 'aux', 'aux.json', 'LPT1', 'a'.repeat(4000), '漢'.repeat(100), 'x~0123456789abcdef'),
); // prettier-ignore

const inside = (path: typeof posix, segment: string): boolean =>
  path.dirname(path.resolve('/base', `${segment}.json`)) === path.resolve('/base') &&
  path.basename(path.join('/base', segment)) === segment;

describe('a name as one segment of a path', () => {
  it('stays in its folder on every system, whatever it is', () => {
    fc.assert(
      fc.property(evil, (name) => {
        for (const segment of [safeSegment(name), proposeSegment(name), fileTitle(name)]) {
          expect(segmentFault(segment)).toBeNull();
          expect(Buffer.byteLength(segment)).toBeLessThanOrEqual(MAX_SEGMENT_BYTES);
          expect(inside(posix, segment) && inside(win32, segment)).toBe(true);
        }
        expect(safeSegment(safeSegment(name)).length).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
  });

  it('is the name itself where that does, and different names stay different', () => {
    for (const name of ['00d62c1b', 'Above1', 'test 17', 'Größe', '漢字', 'a..b']) expect(safeSegment(name)).toBe(name);
    fc.assert(
      fc.property(fc.uniqueArray(evil, { maxLength: 30 }), (names) => {
        const segments = distinctSegments(names, ['submission']);
        const folded = [...segments.values()].map((s) => s.normalize('NFC').toLowerCase());
        expect(new Set(folded).size).toBe(names.length);
        expect(folded).not.toContain('submission');
        expect(new Set(names.map(safeSegment)).size).toBe(names.length);
      }),
      { numRuns: 1000 },
    );
    const forms = distinctSegments(['Task', 'task', 'submission', 'e\u0301', '\u00e9'], ['submission']);
    expect(new Set([...forms.values()].map((s) => s.normalize('NFC').toLowerCase())).size).toBe(5);
  });

  it('is really written where it should be', () => {
    const root = mkdtempSync(join(tmpdir(), 'trm-names-'));
    const out = join(root, 'a', 'b', 'out');
    try {
      // What would lie beside or above it if a name led out.
      fc.assert(
        fc.property(fc.uniqueArray(evil, { maxLength: 20 }), (names) => {
          rmSync(join(root, 'a'), { recursive: true, force: true });
          mkdirSync(out, { recursive: true });
          for (const segment of distinctSegments(names).values()) writeFileSync(join(out, `${segment}.json`), '');
          expect(readdirSync(out)).toHaveLength(names.length);
          expect(readdirSync(dirname(out))).toEqual(['out']);
          expect(readdirSync(resolve(out, '../..'))).toEqual(['b']);
          expect(readdirSync(root)).toEqual(['a']);
        }),
        { numRuns: 60 },
      );
      expect(existsSync(out)).toBe(true);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  it('makes no device of a name that has one behind its dots', () => {
    expect(safeSegment('..NUL.json')).toMatch(/^x-NUL\.json~[0-9a-f]{16}$/);
    expect(segmentFault(safeSegment('.aux'))).toBeNull();
  });

  it.each([
    ['../../x', 'holds "/"', 'x'],
    ['a/b', 'holds "/"', 'a-b'],
    ['C:\\x', 'holds ":"', 'C-x'],
    ['..', 'is made of dots only', 'unnamed'],
    ['aux', 'is a name that Windows keeps for itself', 'x-aux'],
    ['a\nb', 'holds a character that cannot be seen', 'a-b'],
    ['a.', 'begins or ends with a space, or ends with a dot', 'a'],
    ['é'.repeat(101), 'has 202 bytes, more than 200', 'é'.repeat(99)],
  ])('%j %s: %s would do', (name, fault, proposal) => {
    expect(segmentFault(name)).toBe(fault);
    expect(proposeSegment(name)).toBe(proposal);
  });
});
