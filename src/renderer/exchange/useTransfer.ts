import type { Events } from '@shared/contract';
import { computed, onUnmounted, ref, shallowRef } from 'vue';
import { asStudioError, useClient } from '../kernel/client';

/**
 * Files that a compute process writes or reads for a dialog: with progress, and given up when the dialog goes. A transfer
 * that was given up is no error.
 */
export function useTransfer<T>(prefix: string) {
  const client = useClient();
  const task = ref<string | null>(null);
  const progress = shallowRef<Events['checkpoint.progress'] | null>(null);
  const error = shallowRef<unknown>(null);
  const done = shallowRef<T | null>(null);

  /** @param work takes the name under which the studio reports progress and takes a cancel */
  async function start(work: (task: string) => Promise<T>): Promise<void> {
    if (task.value !== null) return;
    const own = `${prefix}-${Date.now()}`;
    task.value = own;
    error.value = null;
    progress.value = null;
    const off = client.on('checkpoint.progress', (p) => {
      if (p.task === own) progress.value = p;
    });
    try {
      done.value = await work(own);
    } catch (problem) {
      if (asStudioError(problem).code !== 'cancelled') error.value = problem;
    } finally {
      off();
      task.value = null;
    }
  }

  function giveUp(): void {
    // It may have ended meanwhile: then there is nothing left to give up.
    if (task.value !== null) client.call('checkpoints.cancel', { task: task.value }).catch(() => undefined);
  }
  onUnmounted(giveUp);

  return { running: computed(() => task.value !== null), progress, error, done, start, giveUp };
}
