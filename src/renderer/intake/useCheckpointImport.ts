import { reactive } from 'vue';
import type { ImportReport } from '@shared/checkpoint';
import { asStudioError, useClient } from '../kernel/client';

interface State {
  open: boolean;
  /** Looking into the file, or writing the run. */
  phase: 'choose' | 'looking' | 'report' | 'importing';
  path: string;
  config: string;
  identifiers: string;
  /** null: as its config says. */
  dataset: string | null;
  name: string;
  /** What was set for the settings that the checkpoint does not say, as typed. */
  chosen: Record<string, string>;
  report: ImportReport | null;
  /** The path that the report is of: another one has to be looked into first. */
  looked: string;
  progress: { done: number; total: number; what: string; left: number | null } | null;
  error: unknown;
}

const START = (): State => ({
  open: false,
  phase: 'choose',
  path: '',
  config: '',
  identifiers: '',
  dataset: null,
  name: '',
  chosen: {},
  report: null,
  looked: '',
  progress: null,
  error: null,
});

export const incoming = reactive<State>(START());

/** The import that is under way; a changed number means that it was given up. */
let session = 0;
let task: string | null = null;

/** Names that checkpoints have: step_N of the reference has no extension. */
export const isCheckpointName = (name: string): boolean =>
  /^step_\d+$|\.(safetensors|pt|pth|bin|ckpt)$/i.test(name) && !/_all_preds/.test(name);

/** Opens the dialog, with a file if it is known. */
export function startCheckpointImport(path = ''): void {
  if (incoming.phase === 'importing') return;
  Object.assign(incoming, START(), { open: true, path });
  if (path) void look();
}

/** Closes it; an import that is being written is ended, and nothing of it stays. */
export function cancelCheckpointImport(): void {
  session++;
  if (task !== null) {
    void useClient()
      .call('checkpoints.cancel', { task })
      .catch(() => undefined);
    task = null;
  }
  Object.assign(incoming, START());
}

/** The value that was typed: a number, a boolean, or text. */
function valueOf(text: string): unknown {
  const trimmed = text.trim();
  if (/^(true|false)$/i.test(trimmed)) return trimmed.toLowerCase() === 'true';
  return trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

function question() {
  const typed = (text: string): string | null => text.trim() || null;
  const chosen = Object.entries(incoming.chosen).filter(([, text]) => text.trim() !== '');
  return {
    path: incoming.path.trim(),
    config: typed(incoming.config),
    identifiers: typed(incoming.identifiers),
    dataset: incoming.dataset,
    overrides: Object.fromEntries(chosen.map(([key, text]) => [key, valueOf(text)])),
  };
}

/** Reads what the file is and what an import would do. */
export async function look(): Promise<void> {
  if (!incoming.path.trim()) return;
  const mine = ++session;
  Object.assign(incoming, { phase: 'looking', error: null });
  try {
    const report = await useClient().call('checkpoints.inspect', question());
    if (mine === session) Object.assign(incoming, { phase: 'report', report, looked: incoming.path.trim() });
  } catch (error) {
    if (mine !== session) return;
    // A setting that does not fit can be mended beside the others; another file has nothing of this report.
    const same = incoming.looked === incoming.path.trim();
    Object.assign(incoming, { error, ...(same ? {} : { report: null, looked: '', chosen: {} }) });
    incoming.phase = incoming.report ? 'report' : 'choose';
  }
}

/** Makes the run. @returns its id, or null if it failed or was given up */
export async function bringIn(): Promise<string | null> {
  const mine = ++session;
  const client = useClient();
  const own = `import-${mine}-${Date.now()}`;
  task = own;
  Object.assign(incoming, { phase: 'importing', error: null, progress: null });
  const off = client.on('checkpoint.progress', (p) => {
    if (p.task !== own) return;
    incoming.progress = { done: p.done, total: p.total, what: p.what, left: p.seconds_left };
  });
  try {
    const { run } = await client.call('checkpoints.import', {
      ...question(),
      name: incoming.name.trim() || null,
      task: own,
    });
    if (mine !== session) return null;
    Object.assign(incoming, START());
    return run.id;
  } catch (error) {
    if (mine === session && asStudioError(error).code !== 'cancelled') {
      Object.assign(incoming, { phase: 'report', error });
    }
    return null;
  } finally {
    off();
    if (task === own) task = null;
  }
}
