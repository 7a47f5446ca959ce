/** Reports on datasets, worked out once while the studio is open. */
import { findLeaks } from '../../core/data/leaks';
import { listFiles, splitStatistics } from '../../core/data/statistics';
import { DatasetStore } from '../../core/data/store';
import type { DatasetReport } from '../../shared/contract/datasets';
import { SLICE_MS } from './recipes';

export class Reports {
  /** Promises, so that two windows that ask at once wait for the same work. */
  private readonly known = new Map<string, Promise<DatasetReport>>();
  private readonly abort = new AbortController();

  of(id: string, path: string): Promise<DatasetReport> {
    const known = this.known.get(id);
    if (known) return known;
    const report = this.make(id, path);
    this.known.set(id, report);
    report.catch(() => this.forget(id)); // a file that could not be read may be there next time
    return report;
  }

  forget(id: string): void {
    this.known.delete(id);
  }

  close(): void {
    this.abort.abort();
  }

  private async make(dataset: string, path: string): Promise<DatasetReport> {
    const store = DatasetStore.open(path);
    try {
      const options = { signal: this.abort.signal, sliceMs: SLICE_MS };
      const splits = [];
      for (const name of ['train', 'test'] as const) {
        if (store.hasSplit(name)) splits.push(await splitStatistics(store, name, options));
      }
      const { metadata } = store.split(splits[0].split);
      return {
        dataset,
        splits,
        identifiers: metadata.num_puzzle_identifiers,
        files: listFiles(path),
        leaks: await findLeaks(store, options),
      };
    } finally {
      store.close();
    }
  }
}
