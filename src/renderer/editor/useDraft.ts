import { computed, ref, watch } from 'vue';
import type { TaskDetail } from '@shared/contract/tasks';
import { useClient } from '../kernel/client';
import { useSettings } from '../kernel/stores/settings';
import { blankDraft, draftOf, pairOf, readDraft, sameTask, toInput, type TaskDraft } from '../tasks/task-draft';
import { useHistory } from './history';

/** Where a draft comes from: a drawn task that it will replace, a copy of any task, or nothing. */
export interface Origin {
  id: number | null;
  /** The name of the task that it changes or was copied from; empty for a new one. */
  from: string;
}

const history = useHistory<TaskDraft>(blankDraft(''));
const { present: draft } = history;
const origin = ref<Origin>({ id: null, from: '' });
/** What the draft was when it was begun or saved: as long as it is that, nothing is lost by leaving it. */
const clean = ref<TaskDraft>(draft.value);
const selected = ref(1);
const begun = ref(false);
const dirty = computed(() => begun.value && !sameTask(draft.value, clean.value));
let listening = false;

function begin(value: TaskDraft, from: Origin): void {
  history.reset(value);
  origin.value = from;
  clean.value = value;
  selected.value = value.train[0]?.key ?? value.test[0]?.key ?? 0;
  begun.value = true;
}

/** The draft that a closed window left, if it had unsaved changes. */
function readKept(): void {
  const kept = useSettings().settings.view['editor.draft'] as
    { draft?: unknown; clean?: unknown; id?: unknown; from?: unknown } | null | undefined;
  const found = readDraft(kept?.draft);
  if (!found || !kept) return;
  begin(found, {
    id: typeof kept.id === 'number' ? kept.id : null,
    from: typeof kept.from === 'string' ? kept.from : '',
  });
  clean.value = readDraft(kept.clean) ?? blankDraft('');
}

/** "my-task-1", or the next number that is free. */
export function freeTaskName(base: string, taken: ReadonlySet<string>): string {
  for (let n = 1; ; n++) if (!taken.has(`${base}-${n}`)) return `${base}-${n}`;
}

/** The one task that is being drawn. It outlives the screen, and the window's closing while it is unsaved. */
export function useDraft() {
  if (!listening) {
    listening = true;
    readKept();
    const settings = useSettings();
    watch([draft, clean, origin], () =>
      settings.remember(
        'editor.draft',
        dirty.value ? { draft: draft.value, clean: clean.value, ...origin.value } : null,
      ),
    );
    // Undo may take the selected pair away.
    watch(draft, (now) => {
      if (!pairOf(now, selected.value)) selected.value = (now.train[0] ?? now.test[0])?.key ?? 0;
    });
  }

  async function save(): Promise<TaskDetail> {
    const saved = await useClient().call('tasks.save', toInput(draft.value, origin.value.id));
    clean.value = draft.value;
    return saved;
  }

  return {
    history,
    draft,
    origin,
    selected,
    begun,
    dirty,
    save,
    beginNew: (name: string) => begin(blankDraft(name), { id: null, from: '' }),
    beginEdit: (task: TaskDetail) => begin(draftOf(task, task.name), { id: task.id, from: task.name }),
    beginCopy: (task: TaskDetail, name: string) => begin(draftOf(task, name), { id: null, from: task.name }),
    /** Ends it: the next visit begins anew. */
    end: () => {
      clean.value = draft.value;
      begun.value = false;
    },
  };
}
