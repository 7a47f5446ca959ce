import { computed, effectScope, reactive, ref, shallowRef, watch } from 'vue';
import type { Subset, TaskSummary } from '@shared/contract/tasks';
import { useClient } from '../kernel/client';
import { useSettings } from '../kernel/stores/settings';
import { useOutcomes, type Outcomes } from './useOutcomes';
import { EMPTY_FILTER, countFacets, filterTasks, readFilter, type TaskFilter } from './filter';

const subsets = shallowRef<Subset[]>([]);
const tasks = shallowRef<TaskSummary[]>([]);
const loading = ref(false);
const loaded = ref(false);
const error = shallowRef<unknown>(null);
const filter = reactive<TaskFilter>({ ...EMPTY_FILTER });
/** Where the gallery was scrolled to, so that coming back from a task lands at the same place. */
const scroll = ref(0);
/** How the tasks did in the evaluation that is chosen. */
const outcomes = shallowRef<Outcomes | null>(null);
const shown = computed(() => filterTasks(tasks.value, filter, outcomes.value));
/** For every choice of the filters, how many tasks it would show. */
const counts = computed(() => countFacets(tasks.value, filter, outcomes.value));
let listening = false;
let generation = 0;

async function load(): Promise<void> {
  const mine = ++generation;
  loading.value = true;
  try {
    const [s, t] = await Promise.all([useClient().call('tasks.subsets', {}), useClient().call('tasks.list', {})]);
    if (mine !== generation) return;
    subsets.value = s;
    tasks.value = t;
    filter.subsets = filter.subsets.filter((name) => s.some((subset) => subset.name === name));
    error.value = null;
    loaded.value = true;
  } catch (problem) {
    if (mine === generation) error.value = problem;
  } finally {
    if (mine === generation) loading.value = false;
  }
}

/** All tasks with their first demonstration, loaded once and again when the studio's tasks change. */
export function useTasks() {
  if (!listening) {
    listening = true;
    const settings = useSettings();
    Object.assign(filter, readFilter(settings.settings.view['tasks.filter']));
    const kept = settings.settings.view['tasks.scroll'];
    if (typeof kept === 'number') scroll.value = kept;
    watch(filter, (value) => settings.remember('tasks.filter', { ...value }));
    watch(scroll, (value) => settings.remember('tasks.scroll', Math.round(value)));
    // Kept for the life of the window, whichever screen asked first.
    effectScope(true).run(() => {
      const { evaluations, loaded: listed, follow } = useOutcomes();
      const followed = follow(
        () => filter.evaluation,
        () => (filter.evaluation = ''),
      );
      watch(followed, (value) => (outcomes.value = value), { immediate: true });
      watch([evaluations, listed], () => {
        if (listed.value && !evaluations.value.some((e) => e.id === filter.evaluation)) filter.evaluation = '';
      });
    });
    useClient().on('tasks.changed', () => void load());
  }
  if (!loaded.value && !loading.value) void load();
  return { subsets, tasks, shown, counts, outcomes, filter, loading, loaded, error, scroll, reload: load };
}
