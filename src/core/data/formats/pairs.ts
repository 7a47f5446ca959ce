/** RE-ARC: a file for each task that is a bare list of pairs, none of them marked as the test. */
import { isPair, LAST_IS_TEST, lastAsTest, type TaskFormat } from './format';

export const pairs: TaskFormat = {
  title: 'RE-ARC',
  document({ value }, file, name) {
    if (!Array.isArray(value) || value.length === 0 || !value.every(isPair)) return null;
    return {
      kind: 'RE-ARC pairs',
      single: true,
      collections: [{ name, candidates: [{ name, value: lastAsTest(value), place: file }] }],
      notes: [LAST_IS_TEST],
    };
  },
};
