/** What the command line writes for people. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bytes, duration, table } from '../../src/cli/output';
import { ProgressLine } from '../../src/cli/progress';

describe('numbers and tables for people', () => {
  it('are short', () => {
    expect([duration(5), duration(65), duration(4560), duration(null), duration(Infinity)]).toEqual([
      '5 s',
      '1 min 5 s',
      '1 h 16 min',
      '–',
      '–',
    ]);
    expect([bytes(12), bytes(1234), bytes(123_456), bytes(2.5e9)]).toEqual(['12 B', '1.2 kB', '123 kB', '2.5 GB']);
    expect(
      table(
        ['a', 'n'],
        [
          ['xyz', '1'],
          ['y', '10'],
        ],
        [1],
      ),
    ).toBe('a     n\nxyz   1\ny    10');
  });
});

describe('progress', () => {
  const capture = (isTTY: boolean) => {
    const stream = Object.assign(new PassThrough(), { isTTY, columns: 60 }) as unknown as NodeJS.WriteStream;
    let text = '';
    (stream as unknown as PassThrough).on('data', (piece: Buffer) => (text += piece.toString()));
    let now = 1000;
    return { line: new ProgressLine({ stream, now: () => now }), pass: (ms: number) => (now += ms), text: () => text };
  };

  it('says nothing twice where there is no terminal', () => {
    const { line, pass, text } = capture(false);
    line.update(1, 1, '1 of 1 files', null);
    line.update(1, 1, '1 of 1 files', null);
    pass(60_000);
    line.update(1, 1, '1 of 1 files', null);
    line.clear();
    line.clear();
    expect(text()).toBe('1 of 1 files\n');
    line.update(2, 2, '2 of 2 files', null);
    line.clear();
    expect(text()).toBe('1 of 1 files\n2 of 2 files\n');
  });

  it('redraws one line in a terminal, never wider than it, and leaves it clean', () => {
    const { line, pass, text } = capture(true);
    line.update(1, 4, 'x'.repeat(100), 12);
    pass(10);
    line.update(2, 4, 'too soon', 9);
    pass(200);
    line.update(3, 4, 'later', 3);
    line.clear();
    expect(
      text()
        .split('\r')
        .map((part) => part.replace('\u001b[K', '').length)
        .every((n) => n <= 60),
    ).toBe(true);
    expect(text()).not.toContain('too soon');
    expect(text()).toContain('later  3 s left');
    expect(text()).not.toContain('\n');
    expect(text().endsWith('\r\u001b[K')).toBe(true);
  });

  it('writes plain lines now and then to a file, and the last word at the end', () => {
    const { line, pass, text } = capture(false);
    for (let i = 0; i < 40; i++) {
      line.update(i, 40, `step ${i}`, null);
      pass(1000);
    }
    line.clear();
    expect(text()).toBe('step 0\nstep 10\nstep 20\nstep 30\nstep 39\n');
    line.clear();
    expect(text().endsWith('step 39\n')).toBe(true);
    expect(text().match(/step 39/g)).toHaveLength(1);
  });
});
