import { expect, test } from 'vitest';
import { type ActiveRun, progressOf, training } from '../../src/main/activity';

const run = (status: ActiveRun['status'], step = 0, total_steps = 100): ActiveRun => ({
  name: status,
  status,
  step,
  total_steps,
});

test('runs that train or wait to are what keeps the machine awake; paused ones are not', () => {
  expect(training([run('paused'), run('queued'), run('running')]).map((r) => r.status)).toEqual(['queued', 'running']);
});

test('the taskbar shows the run that trains, else the paused one, else nothing', () => {
  expect(progressOf([run('queued'), run('running', 25)])).toEqual({ share: 0.25, mode: 'normal' });
  expect(progressOf([run('paused', 50), run('queued')])).toEqual({ share: 0.5, mode: 'paused' });
  expect(progressOf([run('running', 3, 0)])).toEqual({ share: 0, mode: 'indeterminate' });
  expect(progressOf([run('running', 101)])).toEqual({ share: 1, mode: 'normal' });
  expect(progressOf([])).toEqual({ share: null, mode: 'normal' });
});
