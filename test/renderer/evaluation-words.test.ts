import { describe, expect, it } from 'vitest';
import { cellsOf, differences, differenceText } from '../../src/renderer/evaluations/grids';
import { headline, progressText, scoresOf, settingsText } from '../../src/renderer/evaluations/scores';
import { viewText } from '../../src/renderer/grid/view-text';
import { MARK_NONE, MARK_WRONG } from '../../src/renderer/grid/cells';
import { evaluation } from './fixtures/evaluation';

describe('words of evaluations', () => {
  it('name a view by what was done to it', () => {
    expect(viewText('00d62c1b')).toBe('as it is');
    expect(viewText('00d62c1b|||t2|||0123456789')).toBe('turned 180°');
    expect(viewText('00d62c1b|||t0|||0213456789')).toBe('as it is, colours 0213456789');
  });

  it('say how a candidate differs', () => {
    const target = cellsOf('arc', '12/34');
    const of = (packed: string): string => {
      const cells = cellsOf('arc', packed);
      return differenceText(cells, target, differences(cells, target));
    };
    expect(of('12/34')).toBe('right');
    expect(of('12/35')).toBe('1 of 4 cells wrong');
    expect(of('12')).toBe('1 × 2 instead of 2 × 2');
    expect([...(differences(cellsOf('arc', '12/35'), target) ?? [])]).toEqual([
      MARK_NONE,
      MARK_NONE,
      MARK_NONE,
      MARK_WRONG,
    ]);
    expect(differences(cellsOf('arc', '12/34'), target)).toBeNull();
    // A cell beyond the target's edge is wrong.
    expect([...(differences(cellsOf('arc', '129/349'), target) ?? [])].filter((m) => m === MARK_WRONG)).toHaveLength(2);
  });

  it('choose the telling score, and list only those that are there', () => {
    expect(headline(evaluation().metrics)?.key).toBe('ARC Prize/score');
    expect(headline({ exact_accuracy: 0.5, accuracy: 0.9 })?.key).toBe('exact_accuracy');
    expect(headline({})).toBeNull();
    expect(scoresOf(evaluation().metrics).map(({ label }) => label)).toEqual([
      'ARC Prize score',
      'pass@1',
      'pass@2',
      'Exact accuracy',
      'Cell accuracy',
    ]);
  });

  it('tell what was asked and how far it is', () => {
    expect(settingsText(evaluation())).toBe('ARC small · EMA weights');
    const asked = evaluation({ weights: 'raw', act_steps: 32, augmentations: 1, pool_votes: true, split: 'train' });
    expect(settingsText(asked)).toBe(
      'ARC small · train split · raw weights · 32 ACT steps · 1 augmentation · votes pooled',
    );
    const running = evaluation({ status: 'running', done: 300 });
    expect(progressText(running, 240)).toBe('300 of 900 examples · 4 min left');
    expect(progressText({ ...running, total: 0 }, null)).toBe('reading the checkpoint');
  });
});
