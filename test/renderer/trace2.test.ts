/** Traces of schema 2, as the window reads them: a real one written by core, and hand-made ones. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { effectScope } from 'vue';
import type { StudioError } from '@shared/errors';
import type { TraceMeta } from '@shared/trace';
import { EMPTY, MARK_NONE, MARK_RIGHT, MARK_WRONG } from '@renderer/grid/cells';
import { traceJson } from '@shared/trace-json';
import { factsText, makeFigures, type FigureOptions } from '@renderer/playback/player/figures';
import { makeLens, placeOf, seeCells, seeNumbers } from '@renderer/playback/player/lens';
import { labelUpdates, pathIndex, standing, type Moment, type Standing } from '@renderer/playback/player/moments';
import { readTrace, type Trace } from '@renderer/playback/player/trace';
import { usePlayer, type Player } from '@renderer/playback/player/usePlayer';
import { traceOfView } from '@renderer/playback/player/views';
import { countVotes } from '@renderer/playback/player/votes';
import { traceFileJson } from '../../src/core/trace/trace-json';
import golden from '../golden/trace/v2.json';
import { writeTensors } from './fixtures/trace-file';

/** A latent that has been written. */
function written(trace: Trace, layer: number, moment: Moment): Standing {
  const now = standing(trace, layer, moment);
  if (now.facts === null) throw new Error(`${now.latent} is not written yet`);
  return now;
}
const goldenFile = (): Uint8Array => Uint8Array.from(atob(golden.base64), (c) => c.charCodeAt(0));

describe('a trace that core wrote', () => {
  it('is read whole, floats without a copy', () => {
    const file = goldenFile();
    const trace = readTrace(file);
    expect(trace.meta).toMatchObject({ schema: 2, puzzle: '00d62c1b', act_steps: 2, latents: ['z_H', 'z_L'] });
    expect(trace.layers.map(({ name }) => name)).toEqual(['z_H', 'z_L']);
    expect(trace.layers[0].confidence[0].buffer).toBe(file.buffer);
    expect(trace.inner?.tokens).toHaveLength(2 * 8);
    expect(trace.path).toHaveLength(2 * (1 + 2 * 2));
    expect(trace.distances).toHaveLength(9);
    // The chosen token is the most probable one, in every cell of every step.
    trace.layers[0].tokens.forEach((tokens, t) => {
      tokens.forEach((token, s) => {
        const p = Array.from(trace.probabilities?.subarray((t * 16 + s) * 12, (t * 16 + s + 1) * 12) ?? []);
        expect(p[token]).toBe(Math.max(...p));
        expect(p[token] / 255).toBeCloseTo(trace.layers[0].confidence[t][s], 2);
      });
    });
    // View 0 is the example itself.
    expect(trace.views?.tokens[0]).toEqual(trace.layers[0].tokens);
  });

  it('becomes the same JSON in the window and on the command line', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'trm-trace-')), 'trace.safetensors');
    writeFileSync(path, goldenFile());
    expect(JSON.parse(await traceFileJson(path))).toEqual(JSON.parse(traceJson(readTrace(goldenFile()))));
  });

  it('is read at any place of a larger buffer', () => {
    const larger = new Uint8Array(goldenFile().length + 3);
    larger.set(goldenFile(), 3);
    const trace = readTrace(larger.subarray(3));
    expect(trace.layers[1].entropy).toEqual(readTrace(goldenFile()).layers[1].entropy);
  });

  it('that is later, cut off or incomplete is refused in a sentence', () => {
    const code = (file: Uint8Array): string => {
      try {
        readTrace(file);
      } catch (error) {
        return (error as StudioError).code;
      }
      return 'read';
    };
    expect(code(goldenFile().subarray(0, 4000))).toBe('damaged');
    expect(code(writeTensors({ ...readTrace(goldenFile()).meta, schema: 3 }, []))).toBe('newer_version');
    expect(code(writeTensors(readTrace(goldenFile()).meta, []))).toBe('damaged');
  });

  it('ends each step with the last write of each latent', () => {
    const trace = readTrace(goldenFile());
    for (const layer of [0, 1]) {
      for (const step of [0, 1]) {
        const [end, last] = [null, 7].map((update) => written(trace, layer, { step, update }));
        expect([...last.tokens]).toEqual([...end.tokens]);
        expect(last.confidence).toBe(end.confidence);
      }
    }
    // Before its first write z_H is not there, and then as the step before left it.
    expect(standing(trace, 0, { step: 0, update: 0 })).toEqual({ latent: 'z_H', facts: null });
    const carried = written(trace, 0, { step: 1, update: 2 });
    expect(carried.written).toBe(false);
    expect(carried.tokens).toBe(trace.layers[0].tokens[0]);
    expect(carried.facts.changed).toBe(0);
    expect(standing(trace, 1, { step: 0, update: 0 })).toMatchObject({ written: true });
  });

  it('places its moments on the path, and names its updates', () => {
    const trace = readTrace(goldenFile());
    const at = (step: number, update: number | null): number => pathIndex(trace, { step, update });
    // L L L H L L L H: two writes of z_H a step.
    expect([at(0, null), at(1, null)]).toEqual([2, 4]);
    expect([at(0, 0), at(0, 3), at(0, 6), at(0, 7), at(1, 2), at(1, 3)]).toEqual([0, 1, 1, 2, 2, 3]);
    expect(labelUpdates(trace.meta.updates).map(({ short, cycle }) => `${short}${cycle}`)).toEqual(
      'L11 L21 L31 H1 L12 L22 L32 H2'.split(' '),
    );
  });

  it('shows a view by itself', () => {
    const trace = readTrace(goldenFile());
    const view = traceOfView(trace, 1);
    expect(traceOfView(trace, 0)).toBe(trace);
    expect(traceOfView(trace, 1)).toBe(view);
    expect(view.meta).toMatchObject({ puzzle: '00d62c1b|||t4|||0213456789', index: 1, updates: [] });
    expect(view.layers).toHaveLength(1);
    expect(view.layers[0].tokens).toEqual(trace.views?.tokens[1]);
    expect(view.steps).toHaveLength(2);
  });

  it('draws both views alike where they are turned back', () => {
    const trace = readTrace(goldenFile());
    const view = traceOfView(trace, 1);
    const options: FigureOptions = { layers: [0], whole: false, mapped: true, heat: 'none', outline: 'nothing' };
    const moment = { step: 1, update: null };
    const figuresOf = (of: Trace, mapped: boolean) =>
      makeFigures([{ trace: of, name: '', moment }], { ...options, mapped }).filter(({ now }) => now === null);
    const values = (of: Trace, mapped: boolean) => figuresOf(of, mapped).map(({ cells }) => [...cells.values]);
    expect(values(view, true)[0]).toEqual(values(trace, true)[0]);
    expect(values(view, false)[0]).not.toEqual(values(trace, true)[0]);
    // 1 2 / 0 3, flipped left to right with 1 and 2 exchanged: 1 2 / 3 0.
    expect(values(view, false)[0]).toEqual([1, 2, 3, 0]);
    expect(values(trace, true)[0]).toEqual([1, 2, 0, 3]);
  });

  it('becomes JSON with its numbers', () => {
    const trace = readTrace(goldenFile());
    const json = JSON.parse(traceJson(trace)) as {
      meta: TraceMeta;
      steps: { step: number; p_halt: number; latents: Record<string, { tokens: number[][] }> }[];
      views: { tokens: number[][][] }[];
      path: [number, number][];
    };
    expect(json.meta.puzzle).toBe('00d62c1b');
    expect(json.steps.map(({ step }) => step)).toEqual([1, 2]);
    expect(json.steps[1].p_halt).toBeCloseTo(trace.halting[1], 5);
    expect(json.steps[1].latents.z_L.tokens.flat()).toEqual([...trace.layers[1].tokens[1]]);
    expect(json.views[1].tokens[0].flat()).toEqual([...(trace.views?.tokens[1][0] ?? [])]);
    expect(json.path).toHaveLength(5);
  });
});

describe('changes inside a step', () => {
  it('are held against the last write of the same latent', () => {
    const trace = readTrace(goldenFile());
    const end = trace.layers[0].tokens[0];
    const write = written(trace, 0, { step: 1, update: 3 });
    const expected = [...write.tokens].map((token, s) => {
      if (token === end[s]) return MARK_NONE;
      return trace.target?.[s] === 0 ? 3 : token === trace.target?.[s] ? MARK_RIGHT : MARK_WRONG;
    });
    expect([...write.facts.marks]).toEqual(expected);
  });
});

describe('before the first H update', () => {
  const options: FigureOptions = {
    layers: [0, 1],
    whole: true,
    mapped: true,
    heat: 'confidence',
    outline: 'changed',
  };
  const play = (trace: Trace, step: number, update: number | null) => ({ trace, name: '', moment: { step, update } });

  it('of all, the prediction is said to be unwritten, with no confidence and the target kept', () => {
    const trace = readTrace(goldenFile());
    const played = play(trace, 0, 2);
    expect(factsText(played)).toBe('The prediction is not written yet: a later update of this step writes it');
    const figures = makeFigures([played], options);
    expect(figures.map(({ title }) => title)).toEqual(['Input', 'Prediction', 'Scratch pad', 'Target']);
    expect(figures[1]).toMatchObject({ confidence: null, marks: null, doubt: null, remark: 'z_H, not written yet' });
    expect(factsText(play({ ...trace, target: null }, 0, 2))).toMatch(/writes it · no target is known$/);
  });

  it('is empty, not a question mark in every cell', () => {
    const trace = readTrace(goldenFile());
    for (const [kind, value] of [
      ['sudoku', 0],
      ['maze', EMPTY],
      ['arc', EMPTY],
    ] as const) {
      const of: Trace = { ...trace, meta: { ...trace.meta, kind } };
      const { cells, given } = makeFigures([play(of, 0, 0)], options)[1];
      expect([...new Set(cells.values)]).toEqual([value]);
      expect(given).toBeNull();
    }
  });

  it('of a later step, the prediction is the one that the step before left', () => {
    const trace = readTrace(goldenFile());
    const { right, labelled } = trace.steps[0];
    expect(factsText(play(trace, 1, 2))).toMatch(
      new RegExp(`^${right} of ${labelled} labelled cells right · mean confidence .* % · as step 1 left it$`),
    );
    expect(factsText(play(trace, 1, 3))).not.toContain('left it');
    expect(factsText(play(trace, 0, null))).toBe(factsText(play(trace, 1, 2)).replace(' · as step 1 left it', ''));
  });
});

describe('a lens', () => {
  const shape = { rows: 3, columns: 4 };
  const box = { row: 0, column: 1, rows: 2, columns: 3 };
  // Canvas cells 1 2 3 / 5 6 7.
  it('cuts a box out of a canvas', () => {
    const lens = makeLens('arc', shape, box, null);
    expect([...lens.cells]).toEqual([1, 2, 3, 5, 6, 7]);
    expect(placeOf(lens, 6)).toEqual({ row: 1, column: 1 });
    expect(placeOf(lens, 0)).toBeNull();
    expect([...seeNumbers(lens, [0, 10, 20, 30, 40, 50, 60, 70])]).toEqual([10, 20, 30, 50, 60, 70]);
  });

  it('undoes what the puzzle’s name says', () => {
    // t1 turned the task counter-clockwise, so its 3 × 2 grid lies here as 2 × 3; clockwise it stands again.
    const lens = makeLens('arc', shape, box, 'x|||t1|||0213456789');
    expect([lens.rows, lens.columns]).toEqual([3, 2]);
    expect([...lens.cells]).toEqual([5, 1, 6, 2, 7, 3]);
    // Tokens are colour + 2; 1 and 2 change places, what is no colour stays.
    const tokens = Uint8Array.of(0, 3, 4, 5, 0, 2, 1, 6, 0, 0, 0, 0);
    expect([...seeCells(lens, tokens).values]).toEqual([0, 2, 254, 1, 4, 3]);
  });
});

describe('the vote', () => {
  /** Views of a 1 × 2 grid on a 2 × 2 canvas, by what each answers. */
  function votesOf(
    answers: { name: string; tokens: number[]; q: number }[],
    target: number[],
  ): ReturnType<typeof countVotes> {
    const tokens = answers.map((answer) => [Uint8Array.from(answer.tokens)]);
    const trace = {
      meta: { kind: 'arc', views: answers.map(({ name }) => ({ puzzle: name })) },
      shape: { rows: 2, columns: 2 },
      views: {
        tokens,
        inputs: tokens.map(([t]) => t),
        targets: answers.map(() => Uint8Array.from(target)),
        halting: answers.map(({ q }) => Float32Array.of(q)),
        confidence: [],
        paths: [],
      },
    };
    return countVotes(trace as unknown as Trace, 0);
  }
  const plain = 'x';
  const swapped = 'x|||t0|||0213456789';
  const flipped = 'x|||t4|||0123456789';
  const A = [3, 4, 1, 1];
  const B = [4, 4, 1, 1];

  it('counts grids in the task’s own frame, most votes first', () => {
    const found = votesOf(
      [
        { name: plain, tokens: B, q: 0.9 },
        { name: plain, tokens: A, q: 0.2 },
        // 2 1 with the colours exchanged is 1 2; so is 2 1 flipped.
        { name: swapped, tokens: [4, 3, 1, 1], q: 0.4 },
        { name: flipped, tokens: [4, 3, 1, 1], q: 0.6 },
      ],
      A,
    );
    expect(found.map(({ votes, voters, right }) => ({ votes, voters, right }))).toEqual([
      { votes: 3, voters: [1, 2, 3], right: true },
      { votes: 1, voters: [0], right: false },
    ]);
    expect(found[0].meanQ).toBeCloseTo(0.4, 6);
    expect([...found[0].cells.values]).toEqual([1, 2]);
  });

  it('settles ties by mean q, then by who came first', () => {
    const tie = votesOf(
      [
        { name: plain, tokens: A, q: 0.25 },
        { name: plain, tokens: B, q: 0.5 },
      ],
      A,
    );
    expect(tie.map(({ voters }) => voters)).toEqual([[1], [0]]);
    const equal = votesOf(
      [
        { name: plain, tokens: B, q: 0.5 },
        { name: plain, tokens: A, q: 0.5 },
      ],
      A,
    );
    expect(equal.map(({ voters }) => voters)).toEqual([[0], [1]]);
  });

  it('counts answers that are no grid as one candidate', () => {
    const none = votesOf(
      [
        { name: plain, tokens: [0, 0, 0, 0], q: 0.5 },
        { name: flipped, tokens: [1, 1, 0, 0], q: 0.5 },
      ],
      A,
    );
    expect(none).toHaveLength(1);
    expect(none[0]).toMatchObject({ votes: 2, right: false });
    expect(none[0].cells.rows).toBe(0);
  });
});

describe('the player inside a step', () => {
  function player(steps: number, updates: number): { at: Player; end: () => void } {
    const scope = effectScope();
    return {
      at: scope.run(() =>
        usePlayer(
          () => steps,
          () => updates,
        ),
      ) as Player,
      end: () => scope.stop(),
    };
  }
  const where = (at: Player): [number, number | null] => [at.step.value, at.update.value];

  it('goes in by ↓, by updates across the steps’ borders, and out by ↑', () => {
    const { at, end } = player(3, 4);
    at.go(1);
    at.key({ key: 'ArrowDown' });
    expect(where(at)).toEqual([1, 0]);
    at.key({ key: 'ArrowLeft' });
    expect(where(at)).toEqual([0, 3]);
    for (let i = 0; i < 5; i++) at.key({ key: 'ArrowRight' });
    expect(where(at)).toEqual([2, 0]);
    at.key({ key: 'End' });
    expect(where(at)).toEqual([2, 3]);
    expect(at.atEnd.value).toBe(true);
    at.key({ key: 'Home' });
    expect(where(at)).toEqual([0, 0]);
    at.key({ key: 'ArrowUp' });
    expect(where(at)).toEqual([0, null]);
    end();
  });

  it('plays by updates from there', () => {
    vi.useFakeTimers();
    const { at, end } = player(2, 2);
    at.first();
    at.enter();
    at.toggle();
    vi.advanceTimersByTime(250 * 2);
    expect(where(at)).toEqual([1, 0]);
    vi.advanceTimersByTime(250 * 3);
    expect([...where(at), at.playing.value]).toEqual([1, 1, false]);
    end();
    vi.useRealTimers();
  });

  it('has nowhere to go in where no updates were recorded', () => {
    const { at, end } = player(2, 0);
    at.key({ key: 'ArrowDown' });
    expect(where(at)).toEqual([0, null]);
    end();
  });
});
