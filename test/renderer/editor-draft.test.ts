import { describe, expect, it } from 'vitest';
import {
  addPair,
  blankDraft,
  changePart,
  draftFaults,
  draftOf,
  movePair,
  partOf,
  readDraft,
  removePair,
  sameTask,
  setGrid,
  taskJson,
  toInput,
} from '@renderer/tasks/task-draft';
import { useHistory } from '@renderer/editor/history';
import { freeTaskName } from '@renderer/editor/useDraft';

const TASK = {
  train: [
    { input: '01', output: '10' },
    { input: '22/33', output: '3' },
  ],
  test: [{ input: '5', output: null }],
};

describe('a draft', () => {
  it('adds, copies, orders and removes pairs', () => {
    const draft = draftOf(TASK, 'x');
    const added = addPair(draft, 'train');
    expect(added.draft.train[2]).toEqual({ key: 4, input: '00/00', output: '0' });
    const copied = addPair(draft, 'train', 1);
    expect(copied.draft.train.map((p) => p.input)).toEqual(['01', '01', '22/33']);
    expect(copied.key).toBe(4);
    expect(addPair({ name: '', train: [], test: [] }, 'test').draft.test[0].input).toBe('000/000/000');
    expect(movePair(draft, 1, 1).train.map((p) => p.key)).toEqual([2, 1]);
    expect(movePair(draft, 1, -1)).toBe(draft);
    expect(removePair(draft, 2).train.map((p) => p.key)).toEqual([1]);
    expect(draft.train).toHaveLength(2);
  });

  it('moves pairs between demonstrations and tests; a demonstration gets an output', () => {
    const draft = draftOf(TASK, 'x');
    const moved = changePart(draft, 3);
    expect(partOf(moved, 3)).toBe('train');
    expect(moved.train[2]).toEqual({ key: 3, input: '5', output: '0' });
    expect(changePart(draft, 1).test.map((p) => p.key)).toEqual([3, 1]);
  });

  it('says what stands against saving it in the words of the import', () => {
    expect(draftFaults(draftOf(TASK, 'x'))).toEqual([]);
    const bad = { ...draftOf(TASK, ' '), train: [], test: [] };
    expect(draftFaults(bad)).toEqual([
      'A task has an empty name: name it.',
      '"train" is empty: give at least one demonstration, a pair of input and output.',
      '"test" is empty: give at least one test input.',
    ]);
    expect(draftFaults(draftOf(TASK, 'a|||b'))[0]).toContain('"|||"');
  });

  it('knows whether it is the same task', () => {
    const draft = draftOf(TASK, 'x');
    expect(setGrid(draft, 1, 'input', '01')).toBe(draft);
    const changed = setGrid(draft, 1, 'input', '02');
    expect(sameTask(draft, changed)).toBe(false);
    expect(sameTask(draft, setGrid(changed, 1, 'input', '01'))).toBe(true);
    expect(toInput(draft, 7)).toEqual({ id: 7, name: 'x', ...TASK });
  });

  it('is remembered, unless what was kept is none', () => {
    const draft = draftOf(TASK, 'x');
    expect(readDraft(JSON.parse(JSON.stringify(draft)))).toEqual(draft);
    for (const wrong of [
      null,
      3,
      {},
      { ...draft, train: [{ key: 1, input: '01', output: null }] },
      { ...draft, test: 1 },
    ])
      expect(readDraft(wrong)).toBeNull();
    expect(readDraft({ ...draft, test: [{ key: 9, input: '0a', output: null }] })).toBeNull();
  });

  it('becomes a file of the official form', () => {
    expect(JSON.parse(taskJson(TASK))).toEqual({
      train: [
        { input: [[0, 1]], output: [[1, 0]] },
        {
          input: [
            [2, 2],
            [3, 3],
          ],
          output: [[3]],
        },
      ],
      test: [{ input: [[5]] }],
    });
    expect(taskJson(TASK).split('\n')[2]).toBe('    {"input": [[0, 1]], "output": [[1, 0]]},');
  });

  it('gets a name that is free', () => {
    expect(freeTaskName('my-task', new Set(['my-task-1', 'my-task-3']))).toBe('my-task-2');
    expect(draftFaults(blankDraft('my-task-1'))).toEqual([]);
  });
});

describe('undo', () => {
  it('goes back and forth, and forgets the future at a new edit', () => {
    const history = useHistory('a');
    history.push('b');
    history.push('c');
    history.undo();
    expect([history.present.value, history.canUndo.value, history.canRedo.value]).toEqual(['b', true, true]);
    history.redo();
    expect(history.present.value).toBe('c');
    history.redo();
    history.undo();
    history.push('d');
    expect([history.present.value, history.canRedo.value]).toEqual(['d', false]);
    history.undo();
    history.undo();
    history.undo();
    expect([history.present.value, history.canUndo.value]).toEqual(['a', false]);
    history.push('a');
    expect(history.canRedo.value).toBe(true);
  });

  it('takes typing as one step', () => {
    const history = useHistory('');
    for (const text of ['a', 'ab', 'abc']) history.push(text, 'name');
    history.push('abc!');
    history.push('abc!d', 'name');
    history.undo();
    history.undo();
    expect(history.present.value).toBe('abc');
    history.undo();
    expect(history.present.value).toBe('');
  });
});
