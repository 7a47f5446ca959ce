/**
 * A task that takes a byte for each cell while it waits: parsed grids take more than ten, and a file of a gigabyte would
 * not fit into memory. Its pairs are made from text each time they are asked for.
 */
import { packGrid, unpackGrid, type Pair, type Task } from '../../shared/arc';

const pack = (pairs: readonly Pair[]): string =>
  pairs.map(({ input, output }) => `${packGrid(input)};${output ? packGrid(output) : ''}`).join('|');

function unpack(packed: string): Pair[] {
  return packed.split('|').map((pair) => {
    const [input, output] = pair.split(';');
    return output === '' ? { input: unpackGrid(input) } : { input: unpackGrid(input), output: unpackGrid(output) };
  });
}

/** @param task with at least one pair in both of its lists */
export function packTask(task: Task): Task {
  const [train, test] = [pack(task.train), pack(task.test)];
  const packed = {
    name: task.name,
    get train() {
      return unpack(train) as Task['train'];
    },
    get test() {
      return unpack(test);
    },
  };
  return task.test_first ? Object.defineProperty(packed, 'test_first', { value: true, enumerable: true }) : packed;
}
