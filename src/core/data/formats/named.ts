/** Tasks that carry their names: `{name, data: {train, test}}`, or `{id, train, test}`. */
import { isRecord } from '../../arc/kaggle';
import { isTaskLike, type TaskFormat } from './format';

const NAMES = ['name', 'id', 'uid', 'task_id', 'task'] as const;

export const named: TaskFormat = {
  title: 'named tasks',
  record(value) {
    if (!isRecord(value)) return null;
    const task = isTaskLike(value.data) ? value.data : isTaskLike(value) ? value : null;
    const name = NAMES.map((key) => value[key]).find((given) => typeof given === 'string');
    return task && name !== undefined ? { name, value: task, notes: [] } : null;
  },
};
