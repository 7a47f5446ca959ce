import { computed, reactive } from 'vue';
import type { ImportPreview, ImportProblem } from '@shared/contract/imports';
import { StudioError } from '@shared/errors';
import { asStudioError, useClient } from '../kernel/client';
import { incoming, isCheckpointName, startCheckpointImport } from './useCheckpointImport';
import { formatPlural } from '../ui/format';
import { batches, entriesOf, refusal, walkEntries, type Found } from './collect';

export type ImportPhase = 'closed' | 'choose' | 'reading' | 'preview' | 'storing' | 'done';

interface ImportState {
  phase: ImportPhase;
  /** What is going on, in words, with how far it is; `total` 0 while unknown. */
  what: string;
  done: number;
  total: number;
  preview: ImportPreview | null;
  /** Found in the window, before the studio saw anything. */
  local: ImportProblem[];
  error: unknown;
  stored: { subsets: string[]; tasks: number; datasets: string[] } | null;
}

const START = (): ImportState => ({
  phase: 'closed',
  what: '',
  done: 0,
  total: 0,
  preview: null,
  local: [],
  error: null,
  stored: null,
});

export const importing = reactive<ImportState>(START());

/** One batch stays well under what a WebSocket message or an IPC clone carries with ease. */
const LIMITS = { bytes: 4 * 2 ** 20, files: 250 };
/** Worth a line of its own in the list; more of the same kind only as a number. */
const MOST_LOCAL = 2000;

/** The import that is under way; a changed number means that it was given up. */
let session = 0;
let handle: string | null = null;
let unlisten: (() => void) | null = null;

const tasksFound = computed(() => importing.preview?.subsets.reduce((n, s) => n + s.tasks, 0) ?? 0);
const problems = computed(() => [...importing.local, ...(importing.preview?.problems ?? [])]);
const bad = computed(() => problems.value.filter((p) => !p.harmless));
const badFiles = computed(() => new Set(bad.value.map((p) => p.file)));
const datasetsFound = computed(() => importing.preview?.datasets.length ?? 0);

/** "399 tasks", "1 dataset", "3 tasks and 1 dataset"; empty for nothing. */
export function importWords(tasks: number, datasets: number): string {
  const parts = [
    ...(tasks ? [formatPlural(tasks, 'task')] : []),
    ...(datasets ? [formatPlural(datasets, 'dataset')] : []),
  ];
  return parts.join(' and ');
}

export const importFacts = {
  tasks: tasksFound,
  /** What would be stored, in words. */
  found: computed(() => importWords(tasksFound.value, datasetsFound.value)),
  bad,
  harmless: computed(() => problems.value.filter((p) => p.harmless)),
  badFiles: computed(() => badFiles.value.size),
  /** A collection of which some tasks are wrong is not left out as a whole. */
  partlyBad: computed(() => (importing.preview?.items ?? []).some((i) => i.tasks > 1 && badFiles.value.has(i.file))),
  /** What was recognised, without the single tasks that are wrong: those stand among the problems. */
  items: computed(() => (importing.preview?.items ?? []).filter((i) => i.tasks > 1 || !badFiles.value.has(i.file))),
};

/** Opens the dialog that asks where the tasks are. */
export function startImport(): void {
  if (importing.phase !== 'closed' && importing.phase !== 'done') return;
  Object.assign(importing, START(), { phase: 'choose' });
}

/** Gives up: nothing is kept, neither here nor in the studio. */
export function cancelImport(): void {
  session++;
  const given = handle;
  handle = null;
  unlisten?.();
  unlisten = null;
  const stored = importing.phase === 'done';
  Object.assign(importing, START());
  if (given && !stored) {
    void useClient()
      .call('import.cancel', { import: given })
      .catch(() => undefined);
  }
}

/** Ends this import's dialog without ending the import: whoever takes the handle sees to it. @returns null if there is none */
export function handOverImport(): string | null {
  const given = importing.phase === 'preview' ? handle : null;
  if (given) handle = null;
  cancelImport();
  return given;
}

class Stopped extends Error {}

/** Runs one gathering of files, then asks for the preview. Problems on the way end in `importing.error`. */
async function gather(work: (id: string, check: () => void) => Promise<void>): Promise<void> {
  const mine = ++session;
  const check = (): void => {
    if (mine !== session) throw new Stopped();
  };
  const client = useClient();
  Object.assign(importing, { phase: 'reading', what: 'Looking', done: 0, total: 0, error: null });
  try {
    if (!handle) {
      const begun = await client.call('import.begin', {});
      // Given up while the studio began: it must not keep a session that nobody will end.
      if (mine !== session) void client.call('import.cancel', { import: begun.import }).catch(() => undefined);
      check();
      handle = begun.import;
    }
    const id = handle;
    unlisten ??= client.on('import.progress', (event) => {
      if (event.import !== id || importing.phase !== 'reading') return;
      Object.assign(importing, { done: event.files_done, total: event.files_total, what: 'Reading' });
    });
    await work(id, check);
    check();
    importing.what = 'Checking';
    const preview = await client.call('import.preview', { import: id });
    check();
    importing.preview = preview;
    importing.phase = 'preview';
  } catch (error) {
    if (error instanceof Stopped || mine !== session) return;
    importing.error = error;
    importing.phase = importing.preview ? 'preview' : 'choose';
  }
}

function leaveOut(file: string, reason: { message: string; harmless: boolean }): void {
  if (importing.local.length < MOST_LOCAL) importing.local.push({ file, ...reason });
}

const unreadable = (path: string): { message: string; harmless: boolean } => ({
  message: `${path} could not be read: check its permissions, or leave it out.`,
  harmless: false,
});

/** Reads files in the window and sends them on, batch by batch. */
async function send(id: string, files: readonly Found[], check: () => void): Promise<void> {
  Object.assign(importing, { what: 'Reading', done: 0, total: files.length });
  for (const batch of batches(files, LIMITS)) {
    const contents: { path: string; content: Uint8Array }[] = [];
    for (const { path, file } of batch) {
      check();
      try {
        contents.push({ path, content: new Uint8Array(await file.arrayBuffer()) });
      } catch {
        leaveOut(path, unreadable(path));
      }
    }
    check();
    if (contents.length) await useClient().call('import.add_files', { import: id, files: contents });
    check();
    importing.done += batch.length;
  }
}

/** A single step_N or .safetensors is a checkpoint; a browser knows its name only, and the dialog asks for the path. */
function checkpointDropped(data: DataTransfer): boolean {
  const [file, ...others] = Array.from(data.files);
  if (!file || others.length || !isCheckpointName(file.name)) return false;
  const path = useClient().pathOf(file);
  startCheckpointImport(path ?? '');
  if (path === null) {
    incoming.error = new StudioError(
      'bad_input',
      `A browser does not tell where ${file.name} is: type its path on the machine of the studio.`,
    );
  }
  return true;
}

/** Files or folders let go over the window. Must be called inside the drop's handler. */
export function importDropped(data: DataTransfer): void {
  if (checkpointDropped(data)) return;
  if (importing.phase === 'storing' || importing.phase === 'reading') return;
  if (importing.phase === 'done') cancelImport();
  const client = useClient();
  const paths = Array.from(data.files, (file) => client.pathOf(file));
  if (paths.length && paths.every((path): path is string => path !== null)) {
    void gather(async (id) => void (await client.call('import.add_paths', { import: id, paths })));
    return;
  }
  const entries = entriesOf(data.items);
  const loose = entries.length ? [] : Array.from(data.files);
  void gather(async (id, check) => {
    const files: Found[] = [];
    const take = (path: string, file: File, inFolder: boolean): void => {
      const reason = refusal(path, file.size, inFolder);
      if (reason) leaveOut(path, reason);
      else files.push({ path, file });
      importing.done = files.length;
    };
    importing.what = 'Looking through folders';
    await walkEntries(
      entries,
      ({ path, file, inFolder }) => take(path, file, inFolder),
      (path) => leaveOut(path, unreadable(path)),
      check,
    );
    for (const file of loose) take(file.name, file, false);
    await send(id, files, check);
  });
}

/** Files of `<input type=file>`, chosen singly or as a folder. */
export function importChosen(list: FileList | readonly File[]): void {
  void gather(async (id, check) => {
    const files: Found[] = [];
    for (const file of Array.from(list)) {
      const path = file.webkitRelativePath || file.name;
      const reason = refusal(path, file.size, file.webkitRelativePath !== '');
      if (reason) leaveOut(path, reason);
      else files.push({ path, file });
    }
    await send(id, files, check);
  });
}

/** The desktop's own dialog; false where there is none. */
export async function importByDialog(folders: boolean): Promise<boolean> {
  const client = useClient();
  if (client.transport !== 'electron') return false;
  try {
    const chosen = await client.call('import.choose', { folders });
    if (!chosen?.paths.length) return true;
    await gather(async (id) => void (await client.call('import.add_paths', { import: id, paths: chosen.paths })));
  } catch (error) {
    importing.error = error;
  }
  return true;
}

/** Stores what the preview shows; all of it or nothing. */
export async function commitImport(): Promise<void> {
  if (importing.phase !== 'preview' || !handle) return;
  const mine = session;
  importing.phase = 'storing';
  importing.error = null;
  try {
    const stored = await useClient().call('import.commit', {
      import: handle,
      leave_out_bad: importFacts.bad.value.length > 0,
    });
    if (mine !== session) return;
    handle = null;
    importing.stored = stored;
    importing.phase = 'done';
  } catch (error) {
    if (mine !== session) return;
    importing.error = error;
    importing.phase = 'preview';
    // The studio may have let go of the import (restarted, or timed out): then only beginning again helps.
    if (asStudioError(error).code === 'not_found') {
      handle = null;
      Object.assign(importing, { phase: 'choose', preview: null, local: [] });
    }
  }
}
