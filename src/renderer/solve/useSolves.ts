import type { SolveInfo } from '@shared/contract/solves';
import { isActive } from '@shared/jobs';
import { computed, onScopeDispose, reactive, ref, shallowReactive, shallowRef, watch } from 'vue';
import { useClient } from '../kernel/client';
import { useApp } from '../kernel/stores/app';
import { confirm } from '../ui/confirm';
import { notifyError } from '../kernel/notices';

/** Solves, newest first, kept fresh by events for as long as the caller lives. */
export function useSolves() {
  const client = useClient();
  const byId = shallowReactive(new Map<string, SolveInfo>());
  const loaded = ref(false);
  const error = shallowRef<unknown>(null);
  const list = computed(() =>
    [...byId.values()].sort((a, b) => b.created.localeCompare(a.created) || a.id.localeCompare(b.id)),
  );

  async function load(): Promise<void> {
    try {
      const found = await client.call('solves.list', {});
      byId.clear();
      for (const info of found) byId.set(info.id, info);
      error.value = null;
      loaded.value = true;
    } catch (problem) {
      error.value = problem;
    }
  }
  const off = [
    client.on('solve.changed', (info) => void byId.set(info.id, info)),
    client.on('solve.deleted', ({ solve }) => void byId.delete(solve)),
    client.on('solve.progress', ({ solve, step, seconds }) => {
      const info = byId.get(solve);
      if (info) byId.set(solve, { ...info, step, seconds });
    }),
  ];
  onScopeDispose(() => off.forEach((stop) => stop()));
  const app = useApp();
  watch(
    () => app.connected,
    (up) => up && loaded.value && void load(),
  );
  void load();
  return { byId, list, loaded, error, load };
}

/** What can be done to solves; what goes wrong is told beside the window's foot. */
export function useSolveActions() {
  const busy = reactive(new Set<string>());

  async function attempt({ id, task }: SolveInfo, what: string, work: () => Promise<unknown>): Promise<boolean> {
    if (busy.has(id)) return false;
    busy.add(id);
    try {
      await work();
      return true;
    } catch (error) {
      notifyError(`The solve of ${task} was not ${what}`, error);
      return false;
    } finally {
      busy.delete(id);
    }
  }

  async function remove(info: SolveInfo): Promise<boolean> {
    const agreed = await confirm({
      title: 'Delete this solve?',
      text: `The answer and the votes on ${info.task} go for good. The task stays.`,
      action: 'Delete solve',
      danger: true,
    });
    return agreed && attempt(info, 'deleted', () => useClient().call('solves.delete', { solve: info.id }));
  }

  return {
    busy,
    cancel: (info: SolveInfo) => attempt(info, 'ended', () => useClient().call('solves.cancel', { solve: info.id })),
    resume: (info: SolveInfo) => attempt(info, 'started', () => useClient().call('solves.resume', { solve: info.id })),
    remove,
  };
}

/** It failed, or the app ended before it did: it can be run again as it is. */
export const cutOff = ({ status, error, kept_bytes }: SolveInfo): boolean =>
  (status === 'failed' || status === 'stopped') && error !== null && kept_bytes === null;

export const canEnd = (info: SolveInfo): boolean => isActive(info.status);
