import { describe, expect, test } from 'vitest';
import { FIRST_PLACEMENT, MIN_HEIGHT, MIN_WIDTH, fitPlacement, readPlacement } from '../../src/main/bounds';

const laptop = { x: 0, y: 25, width: 1440, height: 875 };
const beside = { x: 1440, y: 0, width: 1920, height: 1080 };
const at = (x: number, y: number, width = 1200, height = 800) => ({
  bounds: { x, y, width, height },
  maximised: false,
  fullScreen: false,
});

describe('the place of the window', () => {
  test('stays where it was while its display is there', () => {
    expect(fitPlacement(at(1600, 100), [laptop, beside])).toEqual(at(1600, 100));
  });

  test('is left to the system when its display is gone, at its size', () => {
    expect(fitPlacement(at(1600, 100), [laptop]).bounds).toEqual({ width: 1200, height: 800 });
  });

  test('is left to the system when the title bar is above or below every display', () => {
    expect(fitPlacement(at(100, -300), [laptop]).bounds).toEqual({ width: 1200, height: 800 });
    expect(fitPlacement(at(100, 2000), [laptop]).bounds).toEqual({ width: 1200, height: 800 });
  });

  test('may stick out as long as enough of the title bar can be reached', () => {
    expect(fitPlacement(at(-1000, 100), [laptop]).bounds).toMatchObject({ x: -1000, y: 100 });
    expect(fitPlacement(at(-1150, 100), [laptop]).bounds).not.toHaveProperty('x');
  });

  test('is never larger than its display, nor smaller than the window works', () => {
    expect(fitPlacement(at(0, 25, 5000, 4000), [laptop]).bounds).toMatchObject({ width: 1440, height: 875 });
    expect(fitPlacement(at(0, 25, 10, 10), [laptop]).bounds).toMatchObject({ width: MIN_WIDTH, height: MIN_HEIGHT });
  });

  test('keeps that it was maximised', () => {
    expect(fitPlacement({ ...at(1600, 100), maximised: true }, [laptop])).toMatchObject({ maximised: true });
  });
});

describe('what was stored', () => {
  test.each([
    null,
    undefined,
    7,
    'x',
    {},
    { bounds: null },
    { bounds: { width: 'wide', height: 1 } },
    { bounds: { width: NaN, height: 2 } },
  ])('that is no placement gives the first one: %j', (stored) =>
    expect(readPlacement(stored)).toEqual(FIRST_PLACEMENT),
  );

  test('is read back', () => {
    expect(readPlacement(JSON.parse(JSON.stringify(at(3, 4))))).toEqual(at(3, 4));
  });

  test('without a place keeps its size', () => {
    expect(readPlacement({ bounds: { x: null, width: 1000, height: 700 } }).bounds).toEqual({
      width: 1000,
      height: 700,
    });
  });
});
