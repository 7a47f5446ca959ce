/**
 * BARC and ARC-Heavy: `{source, examples: [[input, output], …], seeds}` line by line, or `{uid, examples: [{input,
 * output}, …], code}`. `seeds` names the task that one was made from; many share it, so it is no name.
 */
import { isRecord } from '../../arc/kaggle';
import { isPair, LAST_IS_TEST, lastAsTest, type TaskFormat } from './format';

/** `[input, output]` as `{input, output}`; anything else stays, for its fault to be named. */
function pairOf(example: unknown): unknown {
  return Array.isArray(example) && example.length === 2 ? { input: example[0] as unknown, output: example[1] as unknown } : example; // prettier-ignore
}

export const barc: TaskFormat = {
  title: 'BARC',
  record(value) {
    if (!isRecord(value) || !Array.isArray(value.examples) || value.examples.length === 0) return null;
    const pairs = value.examples.map(pairOf);
    if (!pairs.every(isPair)) return null;
    return {
      name: typeof value.uid === 'string' && value.uid.trim() !== '' ? value.uid : null,
      value: lastAsTest(pairs),
      notes: [LAST_IS_TEST],
    };
  },
};
