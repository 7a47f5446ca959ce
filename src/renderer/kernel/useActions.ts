import { reactive } from 'vue';
import { notifyError } from './notices';

/**
 * What can be done to things of a list, once at a time for each: `attempt` answers whether it was done, and a fault
 * becomes a notice at the window's foot.
 */
export function useActions<T extends { id: string }>(title: (item: T) => string) {
  const busy = reactive(new Set<string>());

  /** @param done what the thing would be afterwards, as in "was not deleted" */
  async function attempt(item: T, done: string, work: () => Promise<unknown>): Promise<boolean> {
    if (busy.has(item.id)) return false;
    busy.add(item.id);
    try {
      await work();
      return true;
    } catch (error) {
      notifyError(`${title(item)} was not ${done}`, error);
      return false;
    } finally {
      busy.delete(item.id);
    }
  }

  return { busy, attempt };
}
