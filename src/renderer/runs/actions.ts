import type { RunSummary } from '@shared/contract/runs';
import { nextStatus } from '@shared/jobs';
import { reactive, ref, type Ref } from 'vue';
import { useRuns } from '../kernel/stores/runs';
import { confirm } from '../ui/confirm';
import { formatPlural } from '../ui/format';

export interface RunActions {
  busy: Record<'pause' | 'resume' | 'stop' | 'delete', boolean>;
  error: Ref<unknown>;
  pause(run: RunSummary): Promise<void>;
  resume(run: RunSummary): Promise<void>;
  stop(run: RunSummary): Promise<void>;
  /** Asks first, naming what goes; resolves to whether it went. */
  remove(runs: readonly RunSummary[]): Promise<boolean>;
}

export const canPause = (run: RunSummary): boolean => nextStatus(run.status, 'pause') !== null;
export const canStop = (run: RunSummary): boolean => nextStatus(run.status, 'stop') !== null;
/** Paused, or ended early: it goes on from its last checkpoint, or from the start if there is none. */
export const canResume = (run: RunSummary): boolean =>
  run.status === 'paused' || run.status === 'stopped' || run.status === 'failed';

/** What can be done to runs, with the error of the last attempt. */
export function useRunActions(): RunActions {
  const store = useRuns();
  const busy = reactive({ pause: false, resume: false, stop: false, delete: false });
  const error = ref<unknown>(null);

  async function attempt(kind: keyof typeof busy, work: () => Promise<void>): Promise<boolean> {
    if (busy[kind]) return false;
    busy[kind] = true;
    error.value = null;
    try {
      await work();
      return true;
    } catch (cause) {
      error.value = cause;
      return false;
    } finally {
      busy[kind] = false;
    }
  }

  const send = (kind: 'pause' | 'resume' | 'stop') => async (run: RunSummary) => {
    await attempt(kind, () => store.command(`runs.${kind}`, run.id));
  };

  async function remove(runs: readonly RunSummary[]): Promise<boolean> {
    const names = runs.map((run) => run.name).join(', ');
    const one = runs.length === 1;
    const agreed = await confirm({
      title: one ? `Delete ${names}?` : `Delete ${formatPlural(runs.length, 'run')}?`,
      text: `${one ? 'Its' : `${names}: their`} metrics, checkpoints, predictions and traces go for good. Datasets stay.`,
      action: one ? 'Delete run' : 'Delete runs',
      danger: true,
    });
    if (!agreed) return false;
    return attempt('delete', async () => {
      for (const run of runs) await store.remove(run.id);
    });
  }

  return { busy, error, pause: send('pause'), resume: send('resume'), stop: send('stop'), remove };
}
