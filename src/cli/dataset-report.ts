/** What a dataset holds and what of its test split leaks, in lines for people. */
import type { DatasetReport, Histogram } from '../shared/contract/datasets';
import { bytes, count, percent, plural, say, table } from './output';

/** Leaked test examples that are listed one by one. */
const MOST_LEAKS = 20;
const MOST_SIZES = 5;

/** "3 to 12, 4.2 on average". */
function range(histogram: Histogram): string {
  if (histogram.length === 0) return '–';
  const [least, most] = [histogram[0][0], histogram[histogram.length - 1][0]];
  if (least === most) return count(least);
  const n = histogram.reduce((sum, [, c]) => sum + c, 0);
  const mean = histogram.reduce((sum, [value, c]) => sum + value * c, 0) / n;
  return `${count(least)} to ${count(most)}, ${mean.toFixed(1)} on average`;
}

export function sayReport({ splits, identifiers, files, leaks }: DatasetReport): void {
  say(
    table(
      [
        'split',
        'examples',
        'puzzles',
        'groups',
        'examples per puzzle',
        'puzzles per group',
        'output as large as input',
      ],
      splits.map((s) => [
        s.split,
        count(s.examples),
        count(s.puzzles),
        count(s.groups),
        range(s.examples_per_puzzle),
        range(s.puzzles_per_group),
        percent(s.looked_at ? s.same_size / s.looked_at : null),
      ]),
      [1, 2, 3],
    ),
  );
  for (const { split, input_sizes } of splits) {
    const sizes = input_sizes.slice(0, MOST_SIZES).map((s) => `${s.rows}×${s.columns} (${count(s.count)})`);
    say(`Inputs of ${split}: ${sizes.join(', ')}${input_sizes.length > MOST_SIZES ? ', …' : ''}`);
  }
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  say(`${plural(identifiers, 'identifier')}; ${bytes(total)} in ${plural(files.length, 'file')}.`);
  sayLeaks(leaks);
}

function sayLeaks({ tested, found, examples }: DatasetReport['leaks']): void {
  if (found === 0) return say(`None of the ${count(tested)} test examples stands in split train.`);
  say(`${count(found)} of the ${count(tested)} test examples stand in split train; scores on them mean little:`);
  say(
    table(
      ['test puzzle', 'example', 'how', 'training puzzle'],
      examples
        .slice(0, MOST_LEAKS)
        .map((leak) => [
          leak.puzzle,
          String(leak.example.index),
          leak.how === 'same' ? 'as it is' : 'turned or recoloured',
          leak.train_puzzle,
        ]),
    ),
  );
  if (found > MOST_LEAKS) say(`… and ${count(found - MOST_LEAKS)} more; --json lists up to 500.`);
}
