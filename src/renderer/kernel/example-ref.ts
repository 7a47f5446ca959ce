import type { ExampleRef } from '@shared/dataset';

/** `test:17` in an address; null if it is not one. */
export function parseExample(text: unknown): ExampleRef | null {
  const match = /^(train|test):(\d{1,9})$/.exec(typeof text === 'string' ? text : '');
  return match ? { split: match[1] as ExampleRef['split'], index: Number(match[2]) } : null;
}

export const formatExample = (example: ExampleRef): string => `${example.split}:${example.index}`;

/** "00d62c1b" for an augmented puzzle's name, "00d62c1b|||t3|||0123456789". */
export const puzzleTitle = (puzzle: string): string => puzzle.split('|||')[0];

export const sameExample = (a: ExampleRef, b: ExampleRef): boolean => a.split === b.split && a.index === b.index;
