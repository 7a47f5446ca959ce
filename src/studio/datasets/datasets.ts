/** Datasets: built in the compute process one after another, adopted from folders made elsewhere, read for the window. */
import { basename, dirname, join, resolve } from 'node:path';
import type { DatasetExample, DatasetReport, DatasetSummary } from '../../shared/contract/datasets';
import type { Parsed } from '../../shared/contract';
import { recipePuzzle, type DatasetRecipe, type DataWarning, type ExampleRef } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { isActive } from '../../shared/jobs';
import { timestamp } from '../clock';
import type { Context } from '../context';
import { absolutePath, storedPath } from '../home';
import { newId, slug } from '../ids';
import type { DatasetRecord } from '../repositories/datasets';
import { removeFile } from '../runs/checkpoints';
import { deleteWithFiles } from '../unfinished';
import { Builds } from './builds';
import { datasetSummary, readFacts } from './facts';
import { DatasetReader } from './reader';
import { checkRecipe, findEqual, recipeWarnings } from './recipes';
import { Reports } from './reports';

export class Datasets {
  /** Recovery, cancelling and closing of builds. */
  readonly builds: Builds;
  private readonly reader = new DatasetReader();
  private readonly reports = new Reports();

  constructor(
    private readonly context: Context,
    /** Told when a dataset became ready, failed or went away: runs may be waiting for it. */
    private readonly onSettled: () => void,
  ) {
    this.builds = new Builds(context, {
      changed: (id) => void this.changed(id),
      forget: (record) => this.forget(record),
      settled: onSettled,
    });
  }

  list(): DatasetSummary[] {
    return this.context.store.datasets.list().map((d) => datasetSummary(this.context.home, d));
  }

  get(id: string): DatasetSummary {
    return datasetSummary(this.context.home, this.record(id));
  }

  record(id: string): DatasetRecord {
    const record = this.context.store.datasets.get(id);
    if (!record) throw new StudioError('not_found', `There is no dataset ${id}: it may have been deleted.`);
    return record;
  }

  /** Builds a dataset, or gives back an equal one that is there or on its way. */
  build(name: string, recipe: DatasetRecipe): DatasetSummary {
    checkRecipe(this.context.store, recipe);
    const equal = findEqual(this.context.store, recipe);
    if (equal && equal.status !== 'failed') return datasetSummary(this.context.home, equal);
    if (equal) {
      this.context.store.datasets.setBuilding(equal.id, this.context.owner);
      this.builds.enqueue(equal.id);
      return this.get(equal.id);
    }
    const id = newId();
    this.context.store.datasets.insert({
      id,
      name,
      kind: recipePuzzle(recipe),
      status: 'building',
      error: null,
      created: timestamp(),
      path: storedPath(this.context.home, join(this.context.home.datasets, `${slug(name)}-${id}`)),
      adopted: false,
      recipe,
      facts: null,
      owner: this.context.owner,
    });
    this.builds.enqueue(id);
    return this.get(id);
  }

  /** A whole folder in the home that was copied there. */
  takeIn(id: string, name: string, folder: string, { kind, facts }: ReturnType<typeof readFacts>): DatasetSummary {
    this.context.store.datasets.insert({
      id,
      name,
      kind,
      status: 'ready',
      error: null,
      created: timestamp(),
      path: storedPath(this.context.home, folder),
      adopted: false,
      recipe: null,
      facts,
      owner: null,
    });
    return this.changed(id);
  }

  /** Takes a folder that a builder wrote elsewhere into the list; deleting it later leaves the folder. */
  adopt(folder: string): DatasetSummary {
    const path = storedPath(this.context.home, resolve(folder));
    const known = this.context.store.datasets.byPath(path);
    if (known?.status === 'ready') return datasetSummary(this.context.home, known);
    const { kind, facts } = readFacts(resolve(folder), true);
    const id = newId();
    this.context.store.datasets.insert({
      id,
      name: basename(resolve(folder)),
      kind,
      status: 'ready',
      error: null,
      created: timestamp(),
      path,
      adopted: true,
      recipe: null,
      facts,
      owner: null,
    });
    return this.changed(id);
  }

  /** Ends a build; nothing of it is left. */
  cancel(id: string): void {
    this.builds.cancel(this.record(id));
  }

  /** @throws StudioError `conflict` while it is being built or a run that is active uses it */
  async delete(id: string): Promise<void> {
    const { store, home } = this.context;
    const record = this.record(id);
    if (record.status === 'building')
      throw new StudioError('conflict', `${record.name} is being built: cancel that first.`);
    const user = store.runs.list().find((run) => run.dataset === id && isActive(run.status));
    if (user)
      throw new StudioError(
        'conflict',
        `${record.name} is used by the run ${user.name}, which is ${user.status}: stop it first.`,
      );
    this.reader.forget(absolutePath(home, record.path));
    this.reports.forget(id);
    this.forget(record, record.adopted ? [] : [absolutePath(home, record.path)]);
    this.removeSource(record.recipe);
  }

  examples(input: Parsed<'datasets.examples'>): { total: number; examples: DatasetExample[] } {
    const { dataset, split, ...page } = input;
    return this.reader.list(this.readyPath(dataset), split, page);
  }

  read(id: string, examples: readonly ExampleRef[]): DatasetExample[] {
    return this.reader.read(this.readyPath(id), examples);
  }

  report(id: string): Promise<DatasetReport> {
    return this.reports.of(id, this.readyPath(id));
  }

  async check(recipe: DatasetRecipe): Promise<{ warnings: DataWarning[] }> {
    return { warnings: await recipeWarnings(this.context.store, recipe) };
  }

  close(): void {
    this.reports.close();
    this.reader.close();
  }

  /** @param files what goes with it */
  private forget(record: DatasetRecord, files: readonly string[] = []): void {
    deleteWithFiles(this.context, files, () => this.context.store.datasets.delete(record.id));
    this.context.events.emit('dataset.deleted', { dataset: record.id });
    this.onSettled();
  }

  private changed(id: string): DatasetSummary {
    const summary = this.get(id);
    this.context.events.emit('dataset.changed', summary);
    return summary;
  }

  /** The copy of a CSV that was imported, once no dataset is made from it any more. */
  private removeSource(recipe: DatasetRecipe | null): void {
    const { home, store } = this.context;
    if (recipe?.kind !== 'sudoku-csv' && recipe?.kind !== 'maze-csv') return;
    const folder = dirname(recipe.train_file);
    if (dirname(folder) !== join(home.root, 'sources')) return;
    const used = store.datasets
      .list()
      .some(({ recipe: other }) => other && 'train_file' in other && dirname(other.train_file) === folder);
    if (!used) removeFile(this.context, folder);
  }

  private readyPath(id: string): string {
    const record = this.record(id);
    if (record.status !== 'ready') {
      throw new StudioError(
        'conflict',
        `${record.name} is ${record.status === 'building' ? 'still being built' : `not there: ${record.error}`}.`,
      );
    }
    return absolutePath(this.context.home, record.path);
  }
}
