/** What a parsed file is, of the forms that ARC's own repositories and Kaggle use. */
import { isRecord } from '../../arc/kaggle';

type Shape = 'task' | 'challenges' | 'solutions' | 'submission' | 'empty' | 'other';

const isAttempt = (v: unknown): boolean => isRecord(v) && Object.hasOwn(v, 'attempt_1');

export function shapeOf(value: unknown): Shape {
  // A list of attempts is arc-agi-benchmarking's, for one task.
  if (Array.isArray(value) && value.some(isAttempt)) return 'submission';
  if (!isRecord(value)) return 'other';
  if (Object.hasOwn(value, 'train') || Object.hasOwn(value, 'test')) {
    // A collection may hold a task called "test"; a task's own "test" is a list.
    const isTask = [value.train, value.test].some((part) => part !== undefined && !isRecord(part));
    if (isTask) return 'task';
  }
  const values = Object.values(value);
  if (values.length === 0) return 'empty';
  if (values.some((v) => isRecord(v) && (Object.hasOwn(v, 'train') || Object.hasOwn(v, 'test')))) return 'challenges';
  if (values.every(Array.isArray)) {
    return values.some((v) => (v as unknown[]).some(isAttempt)) ? 'submission' : 'solutions';
  }
  return 'other';
}
