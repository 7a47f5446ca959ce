/** A solve's playbacks: which example of its own dataset a question is, and what a trace of it is asked for. */
import type { SolveDetail } from '@shared/contract/solves';
import type { ExampleRef } from '@shared/dataset';
import { votersOf, type SolveNetwork } from '@shared/solve';
import { viewText } from '../grid/view-text';

/** The test inputs in the split `test`, the demonstrations in `train`: view by view, in the task's order. */
export const questionExample = (
  solve: Pick<SolveDetail, 'train' | 'test'>,
  split: ExampleRef['split'],
  place: number,
  view: number,
): ExampleRef => ({ split, index: view * solve[split].length + place });

/** `test input, turned 180°, colours 0287391456`. */
export function questionText(
  solve: Pick<SolveDetail, 'train' | 'test' | 'views'>,
  { split, index }: ExampleRef,
): string {
  const count = solve[split].length;
  const place = count > 1 ? ` ${(index % count) + 1}` : '';
  const view = Math.floor(index / count);
  const seen = view > 0 && solve.views[view] ? `, ${viewText(solve.views[view])}` : '';
  return `${split === 'test' ? 'test input' : 'demonstration'}${place}${seen}`;
}

/**
 * The view that stands for a candidate: the first that voted for it in this network, the task itself where none did.
 * @param network unless given, the one that most of its votes came from
 */
export function voterOf(
  solve: Pick<SolveDetail, 'views' | 'test' | 'networks'>,
  test: number,
  place = 0,
  network?: SolveNetwork,
): { view: number; network: SolveNetwork } {
  const candidate = solve.test[test]?.candidates[place];
  const chosen = network ?? candidate?.voters?.find((of) => solve.networks.includes(of.network))?.network;
  const asked = chosen ?? solve.networks[0];
  return { view: Math.max(0, solve.views.indexOf(votersOf(candidate, asked)[0] ?? '')), network: asked };
}

/** Cells up to which all views are taken along: on larger canvases each costs seconds. */
const FEW_CELLS = 200;
const MOST_VIEWS = 63;

/** Other views that a playback takes along unless somebody chooses: all where that is quick. */
export function usualViews(solve: Pick<SolveDetail, 'views' | 'test' | 'train'>): number {
  const cells = [...solve.test, ...solve.train].flatMap(({ input, output }) =>
    [input, output ?? ''].map((grid) => grid.replaceAll('/', '').length),
  );
  return Math.min(solve.views.length - 1, Math.max(...cells) <= FEW_CELLS ? MOST_VIEWS : 15);
}
