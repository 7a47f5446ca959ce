import { describe, expect, it, vi } from 'vitest';
import { effectScope } from 'vue';
import { StudioError } from '@shared/errors';
import type { TraceMeta1 } from '@shared/trace';
import { MARK_NONE, MARK_RIGHT, MARK_UNKNOWN, MARK_WRONG } from '@renderer/grid/cells';
import { formatExample, parseExample, puzzleTitle } from '@renderer/kernel/example-ref';
import { cutMarks, markChanges, readTrace } from '@renderer/playback/player/trace';
import { usePlayer, type Player } from '@renderer/playback/player/usePlayer';
import { writeTraceFile, type TraceParts } from './fixtures/trace-file';

const meta: TraceMeta1 = {
  schema: 1,
  kind: 'arc',
  rows: 3,
  columns: 3,
  act_steps: 2,
  puzzle: '00d62c1b',
  split: 'test',
  index: 4,
  run: 'r',
  run_name: 'run',
  checkpoint_step: 100,
  weights: 'ema',
  halts_at: 2,
  solved: false,
};
// A 2 × 2 grid at the top left: colours 1 2 / 3 4, end marks right and below, the corner PAD.
const target = Uint8Array.of(3, 4, 1, 5, 6, 1, 1, 1, 0);
const input = Uint8Array.of(3, 3, 1, 3, 3, 1, 1, 1, 0);
const first = Uint8Array.of(3, 4, 1, 3, 9, 1, 1, 1, 5);
const second = Uint8Array.of(3, 4, 1, 5, 9, 1, 1, 1, 0);

function parts(over: Partial<TraceParts> = {}): TraceParts {
  return {
    meta,
    input,
    target,
    tokens: Uint8Array.of(...first, ...second),
    confidence: Float32Array.from({ length: 18 }, (_, i) => (i < 9 ? 0.5 : 0.875)),
    q_halt: Float32Array.of(-2, 2),
    z_H_change: Float32Array.of(1.5, 0.25),
    ...over,
  };
}
const damaged = (file: Uint8Array): string => {
  try {
    readTrace(file);
  } catch (error) {
    expect(error).toBeInstanceOf(StudioError);
    expect((error as StudioError).code).toBe('damaged');
    return (error as StudioError).message;
  }
  throw new Error('it was read');
};

describe('a trace file', () => {
  it('gives back what was written, at any alignment of its data', () => {
    // Names of different lengths shift the header's end by single bytes.
    for (const puzzle of ['a', 'ab', 'abc', 'abcd']) {
      const trace = readTrace(writeTraceFile(parts({ meta: { ...meta, puzzle } })));
      expect(trace.meta.puzzle).toBe(puzzle);
      expect(trace.layers[0].tokens).toEqual([first, second]);
      expect(trace.layers[0].confidence[1][0]).toBe(0.875);
      expect([...(trace.layers[0].change ?? [])]).toEqual([1.5, 0.25]);
      expect(trace.halting[0]).toBeCloseTo(1 / (1 + Math.exp(2)), 6);
      expect(trace.target).toEqual(target);
    }
  });

  it('is read from a view into a larger buffer', () => {
    const file = writeTraceFile(parts());
    const larger = new Uint8Array(file.length + 13);
    larger.set(file, 13);
    expect(readTrace(larger.subarray(13)).layers[0].tokens[1]).toEqual(second);
  });

  it('works out each step once: right cells, changes, confidence, what lies outside', () => {
    const { steps, frame } = readTrace(writeTraceFile(parts()));
    expect(frame).toEqual({ row: 0, column: 0, rows: 2, columns: 2 });
    expect(steps.map((s) => [s.right, s.labelled])).toEqual([
      [6, 8],
      [7, 8],
    ]);
    // Step 1 against the input: two cells in the frame, and one outside it.
    expect(steps[0].changed).toBe(2);
    expect([...cutMarks(steps[0].marks, { rows: 3, columns: 3 }, frame)]).toEqual([
      MARK_NONE,
      MARK_RIGHT,
      MARK_NONE,
      MARK_WRONG,
    ]);
    expect(steps[0].outside).toBe(1);
    expect(steps[1].changed).toBe(1);
    expect(steps[1].outside).toBe(0);
    expect(steps[1].confidence).toBeCloseTo(0.875, 6);
  });

  it('without a target has no right or wrong', () => {
    const { steps, target: none } = readTrace(writeTraceFile(parts({ target: null })));
    expect(none).toBeNull();
    expect(steps[0].right).toBeNull();
    expect(steps[0].marks[1]).toBe(MARK_UNKNOWN);
  });

  it('marks changes of unlabelled cells as unknown', () => {
    expect([...markChanges(Uint8Array.of(1, 1), Uint8Array.of(2, 1), Uint8Array.of(0, 1))]).toEqual([
      MARK_UNKNOWN,
      MARK_NONE,
    ]);
  });

  it('that is cut off, overlong or foreign is refused in a sentence', () => {
    const file = writeTraceFile(parts());
    expect(damaged(new Uint8Array(3))).toMatch(/3 bytes/);
    expect(damaged(file.subarray(0, file.length - 4))).toMatch(/z_H_change does not fit/);
    const long = file.slice();
    new DataView(long.buffer).setBigUint64(0, 1n << 40n, true);
    expect(damaged(long)).toMatch(/header is longer/);
    expect(damaged(new Uint8Array(64))).toMatch(/not JSON/);
    expect(damaged(writeTraceFile(parts({ tokens: Uint8Array.of(1, 2) })))).toMatch(/tokens/);
    expect(damaged(writeTraceFile(parts({ says: { ...meta, act_steps: 3 } })))).toMatch(
      /tokens has 18 values instead of 27/,
    );
  });
});

describe('the player', () => {
  function player(length: number): { at: Player; end: () => void } {
    const scope = effectScope();
    return { at: scope.run(() => usePlayer(() => length)) as Player, end: () => scope.stop() };
  }
  const press = (at: Player, ...keys: string[]): boolean[] => keys.map((key) => at.key({ key }));

  it('moves by keys and stays within the steps', () => {
    const { at, end } = player(4);
    expect(press(at, 'ArrowRight', 'ArrowRight')).toEqual([true, true]);
    expect(at.step.value).toBe(2);
    press(at, 'End', 'ArrowRight');
    expect(at.step.value).toBe(3);
    press(at, 'Home', 'ArrowLeft');
    expect(at.step.value).toBe(0);
    expect(press(at, 'x')).toEqual([false]);
    end();
  });

  it('plays to the end and stops, starts over from there, and holds when scrubbed', () => {
    vi.useFakeTimers();
    const { at, end } = player(3);
    at.key({ key: ' ' });
    expect(at.playing.value).toBe(true);
    vi.advanceTimersByTime(250 * 5);
    expect([at.step.value, at.playing.value]).toEqual([2, false]);
    at.toggle();
    expect([at.step.value, at.playing.value]).toEqual([0, true]);
    vi.advanceTimersByTime(250);
    expect(at.step.value).toBe(1);
    at.key({ key: 'ArrowLeft' });
    expect([at.step.value, at.playing.value]).toEqual([0, false]);
    vi.advanceTimersByTime(5000);
    expect(at.step.value).toBe(0);
    end();
    vi.useRealTimers();
  });

  it('changes speed while playing, and stops with its screen', () => {
    vi.useFakeTimers();
    const { at, end } = player(100);
    at.key({ key: '+' });
    at.toggle();
    vi.advanceTimersByTime(1000);
    expect(at.step.value).toBe(8);
    end();
    vi.advanceTimersByTime(1000);
    expect(at.step.value).toBe(8);
    vi.useRealTimers();
  });
});

describe('addresses', () => {
  it('name an example', () => {
    expect(parseExample('test:17')).toEqual({ split: 'test', index: 17 });
    expect(parseExample(formatExample({ split: 'train', index: 3 }))).toEqual({ split: 'train', index: 3 });
    for (const bad of ['test', 'test:-1', 'valid:3', 'test:1.5', undefined, ['test:1']])
      expect(parseExample(bad)).toBeNull();
  });

  it('show an augmented puzzle under its own name', () => {
    expect(puzzleTitle('00d62c1b|||t3|||0213456789')).toBe('00d62c1b');
  });
});
