/** Two studios that start at once, and what a quit left for the next start. */
import { expect, it, vi } from 'vitest';
import { ownerOf } from '../../src/studio/owner';
import { bench } from './bench';
import { evaluable } from './fixtures';
import { freshFolder } from './home';

it('an evaluation that a quit cut off is taken up by one of two studios', async () => {
  const home = freshFolder();
  const { studio } = await bench(home);
  const { id } = await studio.dispatch('evaluations.create', { checkpoint: evaluable(studio.context) });
  await studio.close();
  const [one, other] = [(await bench(home)).studio, (await bench(home)).studio];
  // Both are of this process: the other one is another.
  other.context.owner = ownerOf(process.ppid);
  other.context.store.db.pragma('busy_timeout = 0');
  const taken: string[] = [];
  one.events.on('evaluation.changed', ({ status }) => taken.push(`one ${status}`));
  other.events.on('evaluation.changed', ({ status }) => taken.push(`other ${status}`));
  const { evaluations } = one.context.store;
  const list = evaluations.list.bind(evaluations);
  vi.spyOn(evaluations, 'list').mockImplementationOnce(() => {
    const seen = list();
    // The other one starts when this one has looked and has taken nothing yet: it has to wait.
    expect(() => other.evaluations.recover(true)).toThrow('locked');
    return seen;
  });
  one.evaluations.recover(true);
  other.evaluations.recover(true);
  expect(taken).toEqual(['one queued']);
  expect(evaluations.get(id)).toMatchObject({ status: 'queued', owner: one.context.owner, resume_at_start: false });
});
