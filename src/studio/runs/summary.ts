import { join, resolve } from 'node:path';
import type { CheckpointInfo, RunDetail, RunSummary } from '../../shared/contract/runs';
import { absolutePath, type StudioHome } from '../home';
import { bestCheckpoint, type CheckpointRecord } from '../repositories/checkpoints';
import type { RunRecord } from '../repositories/runs';
import type { Store } from '../store';

export function runSummary(store: Store, run: RunRecord): RunSummary {
  return {
    id: run.id,
    name: run.name,
    preset: run.preset,
    status: run.status,
    reason: run.reason,
    dataset: run.dataset,
    dataset_name: run.dataset_name,
    kind: run.kind,
    created: run.created,
    updated: run.updated,
    step: run.step,
    total_steps: run.total_steps,
    seconds: run.seconds,
    steps_per_s: run.steps_per_s,
    best_exact_accuracy: run.best_exact_accuracy,
    last_exact_accuracy: run.last_exact_accuracy,
    last_lm_loss: run.last_lm_loss,
    has_checkpoint: store.checkpoints.has(run.id),
  };
}

export function runDetail(store: Store, run: RunRecord): RunDetail {
  return {
    ...runSummary(store, run),
    config: run.config,
    backend: run.backend,
    parameters: run.parameters,
    embedding_rows: run.embedding_rows,
    notes: run.notes,
    pinned: run.pinned,
    rows: run.grid_rows,
    columns: run.grid_columns,
  };
}

/** Newest first, the best one marked. */
export function checkpointInfos(home: StudioHome, list: readonly CheckpointRecord[]): CheckpointInfo[] {
  const best = bestCheckpoint(list);
  return list.map((c) => ({ ...c, path: absolutePath(home, c.path), best: c === best }));
}

/** The folder that a run's checkpoints go to: its own in the home, unless the config names another. */
export function runFolder(home: StudioHome, run: Pick<RunRecord, 'id' | 'config'>): string {
  const chosen = run.config.checkpoint_path;
  return chosen === null ? join(home.runs, run.id) : resolve(chosen);
}
