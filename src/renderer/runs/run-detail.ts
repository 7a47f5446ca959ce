import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import type { CheckpointInfo, RunDetail, RunEvent } from '@shared/contract/runs';
import { useClient } from '../kernel/client';
import { useApp } from '../kernel/stores/app';
import { useRuns } from '../kernel/stores/runs';
import { formatPercent } from '../ui/format';

export interface LiveRun {
  /** The run with its config; its changing parts are those of the newest event. */
  detail: ComputedRef<RunDetail | null>;
  /** Newest first. */
  checkpoints: ShallowRef<CheckpointInfo[]>;
  /** Newest first. */
  events: ShallowRef<RunEvent[]>;
  error: Ref<unknown>;
  reload: () => Promise<void>;
  /** Takes what a command answered, e.g. after pinning. */
  take: (changed: RunDetail) => void;
}

/**
 * What the run's screen lists as events, newest first: those that were recorded, and what else is known to have
 * happened, namely its creation and the checkpoints that are there.
 */
export function eventsWithSaves(
  events: readonly RunEvent[],
  checkpoints: readonly CheckpointInfo[],
  run: Pick<RunDetail, 'id' | 'created' | 'preset'>,
): RunEvent[] {
  const info = (id: number, time: string, step: number | null, message: string): RunEvent => ({
    id,
    run: run.id,
    time,
    level: 'info',
    step,
    message,
  });
  const saves = checkpoints.map(({ id, created, step, exact_accuracy: exact }) =>
    info(-1 - id, created, step, exact === null ? 'Saved.' : `Saved, exact accuracy ${formatPercent(exact)}.`),
  );
  const born = info(-1, run.created, null, run.preset === null ? 'Created.' : `Created from ${run.preset}.`);
  return [...events, ...saves, born].sort((a, b) => b.time.localeCompare(a.time) || b.id - a.id);
}

/** A run, its checkpoints and its events, kept fresh for as long as the caller lives. */
export function useRun(run: string): LiveRun {
  const client = useClient();
  const runs = useRuns();
  const base = shallowRef<RunDetail | null>(null);
  const checkpoints = shallowRef<CheckpointInfo[]>([]);
  const events = shallowRef<RunEvent[]>([]);
  const error = ref<unknown>(null);

  async function reload(): Promise<void> {
    try {
      const [found, files, told] = await Promise.all([
        client.call('runs.get', { run }),
        client.call('runs.checkpoints', { run }),
        client.call('runs.events', { run }),
      ]);
      base.value = found;
      checkpoints.value = [...files].sort((a, b) => b.step - a.step);
      events.value = [...told].sort((a, b) => b.id - a.id);
      error.value = null;
    } catch (cause) {
      error.value = cause;
    }
  }
  void reload();

  const off = [
    client.on('run.checkpoint', (event) => {
      if (event.run !== run) return;
      // Old files are removed and "best" moves when one is added: the store's list is the truth.
      void client.call('runs.checkpoints', { run }).then(
        (files) => (checkpoints.value = [...files].sort((a, b) => b.step - a.step)),
        () => undefined,
      );
    }),
    client.on('run.event', (event) => {
      if (event.run === run && !events.value.some((known) => known.id === event.id))
        events.value = [event, ...events.value];
    }),
  ];
  onScopeDispose(() => off.forEach((stop) => stop()));

  // Backend, parameters and notes are known only once it has started, which is later than that it runs.
  watch(
    () => {
      const now = runs.byId.get(run);
      const unknown = base.value !== null && (base.value.parameters === null || base.value.backend === null);
      return [now?.status, unknown && now ? `${now.total_steps} ${now.step > 0}` : ''].join(' ');
    },
    () => void reload(),
  );
  const app = useApp();
  watch(
    () => app.connected,
    (up) => up && void reload(),
  );

  const detail = computed(() => (base.value ? { ...base.value, ...runs.byId.get(run) } : null));
  return { detail, checkpoints, events, error, reload, take: (changed) => (base.value = changed) };
}
