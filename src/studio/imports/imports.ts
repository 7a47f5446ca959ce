/** Imports: files are gathered, looked at, shown, and then stored all together or not at all. */
import type { FoundDataset } from '../../core/data/found-datasets';
import { gatheredContent, gatherPaths, type GatheredFile } from '../../core/data/gather';
import { findOverlaps, isTestSet, type TaskSet } from '../../core/data/overlap';
import { recognise, type Recognised } from '../../core/data/recognise';
import type { RecognisedSubset } from '../../core/data/subsets';
import type { ImportPreview, ImportProblem } from '../../shared/contract/imports';
import type { DataWarning } from '../../shared/dataset';
import type { Task } from '../../shared/arc';
import { StudioError } from '../../shared/errors';
import type { Context } from '../context';
import type { Datasets } from '../datasets/datasets';
import { SLICE_MS } from '../datasets/recipes';
import { checkCancelled } from '../../core/lib/work';
import { absolutePath } from '../home';
import { newId } from '../ids';
import { previewSummary } from '../repositories/tasks';
import { dropPrepared, prepareDatasets, storePrepared } from './store-datasets';

interface Session {
  id: string;
  arcGen: boolean;
  files: GatheredFile[];
  /** What could not be gathered. */
  problems: ImportProblem[];
  /** Of files that were sent by content. */
  bytes: number;
  recognised: Recognised | null;
  /** Goes up with every addition: what was recognised before holds no longer. */
  additions: number;
  /** While it is stored nothing can join it. */
  storing: boolean;
  abort: AbortController;
  touched: number;
}

/** Sent content is held in memory until the import ends. */
const MAX_CONTENT = 512 * 2 ** 20;
const MAX_FILES = 100_000;
/** A window that went away without a word leaves its import behind. */
const FORGET_MS = 30 * 60_000;
const MAX_SESSIONS = 8;
const EXAMPLES = 12;
const PROGRESS_MS = 100;

export class Imports {
  private readonly sessions = new Map<string, Session>();

  constructor(
    private readonly context: Context,
    private readonly datasets: Datasets,
  ) {}

  /** @param arcGen whether pairs under `arc-gen` are taken as demonstrations */
  begin(arcGen = false): { import: string } {
    const now = performance.now();
    for (const s of [...this.sessions.values()].sort((a, b) => a.touched - b.touched)) {
      // What is being stored goes by itself.
      if (s.storing) continue;
      if (now - s.touched > FORGET_MS || this.sessions.size >= MAX_SESSIONS) this.drop(s);
    }
    const id = newId();
    this.sessions.set(id, {
      id,
      arcGen,
      files: [],
      problems: [],
      bytes: 0,
      recognised: null,
      additions: 0,
      storing: false,
      abort: new AbortController(),
      touched: now,
    });
    return { import: id };
  }

  /** Files and folders by path; folders are entered. @returns how many files the import has now */
  async addPaths(id: string, paths: readonly string[]): Promise<{ files: number }> {
    const session = this.openSession(id);
    const gathered = await gatherPaths(paths, { signal: session.abort.signal, progress: this.progress(session, true) });
    // It may have been stored while these were looked for.
    this.openSession(id);
    return this.add(session, gathered.files, gathered.problems);
  }

  /** Files by content, where the window has no paths. */
  addFiles(id: string, files: readonly { path: string; content: Uint8Array }[]): { files: number } {
    const session = this.openSession(id);
    this.refuseTooMany(session, files.length);
    session.bytes += files.reduce((sum, file) => sum + file.content.byteLength, 0);
    if (session.bytes > MAX_CONTENT) {
      this.drop(session);
      throw new StudioError(
        'too_large',
        'The files have more than 512 MB together: import fewer at a time, or by path with trm datasets import.',
      );
    }
    const taken = files.flatMap(({ path, content }) => gatheredContent(path, content) ?? []);
    return this.add(session, taken, []);
  }

  private add(session: Session, files: GatheredFile[], problems: ImportProblem[]): { files: number } {
    this.refuseTooMany(session, files.length);
    // Not `push(...files)`: a call takes no hundred thousand arguments everywhere.
    session.files = session.files.concat(files);
    session.problems = session.problems.concat(problems);
    session.recognised = null;
    session.additions++;
    return { files: session.files.length };
  }

  /** What is in the files. Stores nothing. */
  async preview(id: string): Promise<ImportPreview> {
    const session = this.session(id);
    const { items, subsets, problems, datasets } = await this.recognised(session);
    return {
      datasets: datasets.map(({ from: _, ...shown }) => shown),
      warnings: [...this.knownDatasets(datasets), ...(await this.warnings(session, subsets))],
      import: id,
      items,
      problems: [...session.problems, ...problems],
      subsets: subsets.map(({ name, title, tasks }) => ({
        name,
        title,
        tasks: tasks.length,
        examples: tasks.slice(0, EXAMPLES).map((task) => previewSummary(name, task)),
      })),
    };
  }

  /**
   * Stores what the preview showed, in one transaction; nothing if it is cancelled before that.
   * @throws StudioError `cancelled`; `bad_input` if something is wrong and not to be left out, or there is nothing to store
   */
  async commit(id: string, leaveOutBad: boolean): Promise<{ subsets: string[]; tasks: number; datasets: string[] }> {
    const session = this.openSession(id);
    session.storing = true;
    try {
      return await this.store(session, leaveOutBad);
    } finally {
      session.storing = false;
    }
  }

  private async store(session: Session, leaveOutBad: boolean): ReturnType<Imports['commit']> {
    const { subsets, problems, datasets } = await this.recognised(session);
    const wrong = [...session.problems, ...problems].filter((p) => !p.harmless);
    if (wrong.length && !leaveOutBad) {
      const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : '';
      throw new StudioError('bad_input', `Nothing was imported: ${wrong[0].message.replace(/[.]$/, '')}${more}.`, {
        problems: wrong.slice(0, 100),
      });
    }
    if (!subsets.length && !datasets.length) {
      throw new StudioError(
        'bad_input',
        `Nothing was imported: ${wrong[0] ? wrong[0].message : 'there is nothing to import in these files.'}`,
      );
    }
    const { store, events } = this.context;
    const { prepared, forget } = await prepareDatasets(this.context, datasets);
    let taken: string[];
    try {
      checkCancelled(session.abort.signal, 'The import');
      taken = store.db
        .transaction(() => {
          this.storeSubsets(subsets);
          forget();
          return storePrepared(this.datasets, prepared);
        })
        .immediate();
    } catch (error) {
      dropPrepared(this.context, prepared);
      forget();
      throw error;
    }
    this.sessions.delete(session.id);
    if (subsets.length) events.emit('tasks.changed', { subsets: store.subsets.list() });
    return {
      subsets: subsets.map((s) => s.name),
      tasks: subsets.reduce((sum, s) => sum + s.tasks.length, 0),
      datasets: taken,
    };
  }

  private storeSubsets(subsets: readonly RecognisedSubset[]): void {
    const { store } = this.context;
    for (const { name, title, source, tasks } of subsets) {
      if (store.subsets.has(name)) {
        throw new StudioError(
          'conflict',
          `A collection named ${name} was stored meanwhile: look at the preview again.`,
        );
      }
      store.subsets.insert({ name, title, source, bundled: false, licence: null });
      store.tasks.insertAll(name, tasks);
    }
  }

  /** What was recognised as tasks, for use without storing it; ends the import. @throws StudioError `bad_input` without any */
  async takeTasks(id: string): Promise<Task[]> {
    const session = this.session(id);
    const { subsets, problems } = await this.recognised(session);
    const tasks = subsets.flatMap((subset) => subset.tasks);
    if (!tasks.length) {
      const [wrong] = [...session.problems, ...problems].filter((p) => !p.harmless);
      throw new StudioError('bad_input', wrong ? wrong.message : 'There are no tasks in these files.');
    }
    this.sessions.delete(id);
    return tasks;
  }

  /** Ends an import, also in the middle of its reading; one that is not there is ended already. */
  cancel(id: string): Record<string, never> {
    const session = this.sessions.get(id);
    if (session) this.drop(session);
    return {};
  }

  close(): void {
    for (const session of [...this.sessions.values()]) this.drop(session);
  }

  /** What is in all files, also in those that were added while the others were read. */
  private async recognised(session: Session): Promise<Recognised> {
    while (!session.recognised) {
      const { files, additions } = session;
      const taken = this.context.store.subsets.list().map((s) => s.name);
      const found = await recognise(files, taken, {
        signal: session.abort.signal,
        progress: this.progress(session),
        arcGen: session.arcGen,
      });
      if (session.additions === additions) session.recognised = found;
    }
    return session.recognised;
  }

  /** Folders that are in the list already, and CSVs of which a dataset was made. */
  private knownDatasets(found: readonly FoundDataset[]): DataWarning[] {
    const all = this.context.store.datasets.list();
    return found.flatMap(({ name, from, source }): DataWarning[] => {
      const known = all.find((d) =>
        from.how === 'linked'
          ? absolutePath(this.context.home, d.path) === from.folder
          : from.how === 'built' && d.recipe && 'train_file' in d.recipe && d.recipe.train_file === from.train.disk,
      );
      if (!known) return [];
      const message =
        from.how === 'linked'
          ? `${source} is in the studio already, as ${known.name}: it is not added again.`
          : `The dataset ${known.name} was made from ${source} already.`;
      return [{ kind: 'imported_before', message, tasks: [], subsets: [name] }];
    });
  }

  /** Compares the new tasks with each other and with all that the studio holds. */
  private warnings({ abort }: Session, subsets: readonly RecognisedSubset[]): Promise<DataWarning[]> {
    const { store } = this.context;
    const known = store.subsets
      .list()
      .map(({ name, title }): TaskSet => ({ name, title, test: isTestSet(name), tasks: store.tasks.tasksOf(name) }));
    const fresh = subsets.map(({ name, title, tasks }): TaskSet => ({ name, title, test: isTestSet(name), tasks }));
    return findOverlaps(fresh, known, true, { signal: abort.signal, sliceMs: SLICE_MS });
  }

  /** @param growing while files are still found, each is the last one so far and none the end */
  private progress(session: Session, growing = false): (done: number, total: number) => void {
    let told = -Infinity;
    return (done, total) => {
      const now = performance.now();
      if (now - told < PROGRESS_MS && (growing || done < total)) return;
      told = now;
      this.context.events.emit('import.progress', { import: session.id, files_done: done, files_total: total });
    };
  }

  private refuseTooMany(session: Session, more: number): void {
    if (session.files.length + more <= MAX_FILES) return;
    throw new StudioError('too_large', `There are more than ${MAX_FILES} files: import a smaller folder.`);
  }

  private session(id: string): Session {
    const session = this.sessions.get(id);
    if (!session) throw new StudioError('not_found', `The import ${id} has ended: start it again.`);
    session.touched = performance.now();
    return session;
  }

  /** One that files can still join. */
  private openSession(id: string): Session {
    const session = this.session(id);
    if (!session.storing) return session;
    throw new StudioError('conflict', `The import ${id} is being stored: start another one for more files.`);
  }

  private drop(session: Session): void {
    session.abort.abort();
    this.sessions.delete(session.id);
  }
}
