/** A clock that is set back: what is written down keeps its order, and what is measured goes on. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { timestamp } from '../../src/studio/clock';
import { ProgressMeter } from '../../src/studio/datasets/progress';
import { bench, create } from './bench';

const HOUR = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
});

/** The clock only: timers and `performance.now()` go on as they do. */
function setBack(ms: number): void {
  vi.setSystemTime(Date.now() - ms);
}

describe('a clock set back an hour', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });

  it('leaves the order of what was made as it was, and of what is made in one millisecond', () => {
    const now = Date.UTC(2100, 0, 1);
    const stamps = [now, now, now - HOUR, now - HOUR + 1000].map((at) => timestamp(at));
    expect([...stamps].sort()).toEqual(stamps);
    expect(new Set(stamps).size).toBe(4);
    // A clock that was years ahead is not followed for years.
    expect(timestamp(now - 24 * HOUR)).toBe(new Date(now - 24 * HOUR).toISOString());
  });

  it('lists runs in the order in which they were made, and queues them so', async () => {
    const { studio } = await bench();
    const first = await create(studio, 'first');
    setBack(HOUR);
    const second = await create(studio, 'second');
    const listed = await studio.dispatch('runs.list', {});
    expect(listed.map((run) => run.name)).toEqual(['second', 'first']);
    expect(studio.context.store.runs.active().map((run) => run.id)).toEqual([first.id, second.id]);
    await studio.close();
  });

  it('does not silence progress', async () => {
    const told: number[] = [];
    const meter = new ProgressMeter((done) => told.push(done));
    meter.update(1, 100, 'examples');
    setBack(HOUR);
    await new Promise((resolve) => setTimeout(resolve, 250));
    meter.update(2, 100, 'examples');
    expect(told).toEqual([1, 2]);
  });
});
