import { listUnaugmented } from '../../core/data/listing';
import { DatasetStore } from '../../core/data/store';
import type { DatasetExample } from '../../shared/contract/datasets';
import type { ExampleRef } from '../../shared/dataset';

/** How many datasets stay open: the index arrays of a large one take some tens of megabytes. */
const OPEN = 2;

/** Reads examples for the window, keeping the last few datasets open. */
export class DatasetReader {
  private readonly open = new Map<string, DatasetStore>();

  list(path: string, split: ExampleRef['split'], options: { search?: string; offset: number; limit: number }) {
    const store = this.store(path);
    if (!store.hasSplit(split)) return { total: 0, examples: [] };
    const page = listUnaugmented(store, split, options);
    return { total: page.total, examples: page.examples.map((e) => this.example(store, e.example, e.puzzle)) };
  }

  read(path: string, examples: readonly ExampleRef[]): DatasetExample[] {
    const store = this.store(path);
    return examples.map((example) => this.example(store, example, store.puzzleName(example)));
  }

  forget(path: string): void {
    this.open.get(path)?.close();
    this.open.delete(path);
  }

  close(): void {
    for (const path of [...this.open.keys()]) this.forget(path);
  }

  private example(store: DatasetStore, example: ExampleRef, puzzle: string): DatasetExample {
    return { example, puzzle, ...store.read(example) };
  }

  private store(path: string): DatasetStore {
    const known = this.open.get(path);
    // Moved to the end: the first of the map is the one that was longest not used.
    this.open.delete(path);
    const store = known ?? DatasetStore.open(path);
    this.open.set(path, store);
    for (const oldest of this.open.keys()) {
      if (this.open.size <= OPEN) break;
      this.forget(oldest);
    }
    return store;
  }
}
