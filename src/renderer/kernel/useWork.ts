import { ref, shallowRef } from 'vue';

/**
 * One piece of work at a time whose fault is shown where it was started: `run` ignores a second call while the first is
 * going, and resolves to whether the work was done.
 */
export function useWork() {
  const busy = ref(false);
  const error = shallowRef<unknown>(null);

  async function run(work: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    error.value = null;
    try {
      await work();
      return true;
    } catch (problem) {
      error.value = problem;
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { busy, error, run };
}
