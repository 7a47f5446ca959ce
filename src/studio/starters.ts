/**
 * The models that ship with the app (resources/starters). One becomes a run with a checkpoint when it is asked for: its
 * dataset is built from the recipe that it was trained with, and its weights are imported like any others.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StudioError } from '../shared/errors';
import type { StarterInfo } from '../shared/contract/starters';
import type { RunSummary } from '../shared/contract/runs';
import { provenance, starterRecipe, starterRun, STARTERS, type Starter, type StarterName } from '../shared/starters';
import type { Context } from './context';
import type { Datasets } from './datasets/datasets';
import type { Exchange } from './runs/exchange';
import { runSummary } from './runs/summary';

export class Starters {
  private readonly installing = new Map<StarterName, Promise<RunSummary>>();

  /** @param resources the app's folder of resources */
  constructor(
    private readonly context: Context,
    private readonly datasets: Datasets,
    private readonly exchange: Exchange,
    private readonly resources: string,
  ) {}

  list(): StarterInfo[] {
    return STARTERS.map((starter) => ({
      name: starter.name,
      title: starter.title,
      summary: starter.summary,
      provenance: provenance(starter),
      kind: starterRecipe(starter).kind === 'arc' ? 'arc' : 'sudoku',
      run: this.context.store.runs.get(starterRun(starter.name))?.id ?? null,
    }));
  }

  /** @throws StudioError if its dataset cannot be built or its file is missing or damaged; nothing is left then */
  install(name: StarterName): Promise<RunSummary> {
    const { store } = this.context;
    const there = store.runs.get(starterRun(name));
    if (there) return Promise.resolve(runSummary(store, there));
    const begun = this.installing.get(name) ?? this.begin(name).finally(() => this.installing.delete(name));
    this.installing.set(name, begun);
    return begun;
  }

  private async begin(name: StarterName): Promise<RunSummary> {
    const starter = STARTERS.find((s) => s.name === name) as Starter;
    const path = join(this.resources, 'starters', name, `step_${starter.step}.safetensors`);
    if (!existsSync(path)) {
      throw new StudioError('damaged', `The starter ${name} is missing (${path}): install TRM Studio again.`);
    }
    const dataset = await this.datasetOf(starter);
    const { run } = await this.exchange.import(
      { path, config: null, identifiers: null, dataset, data_path: null, overrides: {}, name: starter.title },
      { id: starterRun(name), preset: starter.preset, reason: provenance(starter) },
    );
    return run;
  }

  /** The dataset that it was trained on, built if it is not there. */
  private async datasetOf(starter: Starter): Promise<string> {
    const { events } = this.context;
    const { id } = this.datasets.build(starter.preset, starterRecipe(starter));
    for (;;) {
      const { status, error } = this.datasets.get(id);
      if (status === 'ready') return id;
      if (status === 'failed') throw new StudioError('unavailable', `The starter’s dataset was not built: ${error}`);
      await new Promise<void>((resolve) => {
        const settle = (changed: string) => {
          if (changed !== id) return;
          offs.forEach((off) => off());
          resolve();
        };
        const offs = [
          events.on('dataset.changed', (dataset) => settle(dataset.id)),
          events.on('dataset.deleted', ({ dataset }) => settle(dataset)),
        ];
      });
    }
  }
}
