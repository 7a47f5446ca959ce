import type { PuzzleKind } from '../../shared/arc';
import type { TrainConfig } from '../../shared/config';
import type { ExampleRef } from '../../shared/dataset';
import type { BackendInfo } from '../../shared/doctor';
import type { JobStatus } from '../../shared/jobs';
import type { Db } from '../db/open';
import { parseStored } from './rows';

export interface RunRecord {
  id: string;
  name: string;
  preset: string | null;
  status: JobStatus;
  reason: string | null;
  dataset: string | null;
  dataset_name: string;
  kind: PuzzleKind;
  grid_rows: number;
  grid_columns: number;
  created: string;
  updated: string;
  /** Its place in the queue, by time; null when it is not queued. */
  queued_at: string | null;
  step: number;
  total_steps: number;
  seconds: number;
  steps_per_s: number | null;
  best_exact_accuracy: number | null;
  last_exact_accuracy: number | null;
  last_lm_loss: number | null;
  config: TrainConfig;
  backend: BackendInfo | null;
  parameters: number | null;
  embedding_rows: number | null;
  flops_per_step: number | null;
  notes: string[];
  pinned: ExampleRef[];
  /** The studio process that has it queued, running or paused. */
  owner: string | null;
  /** The compute process in which its tensors are. */
  compute_owner: string | null;
  /** Stopped only because the studio was closed: goes on at the next start. */
  resume_at_start: boolean;
}

const JSON_FIELDS = ['config', 'backend', 'notes', 'pinned'] as const;
type JsonField = (typeof JSON_FIELDS)[number];
const isJson = (key: string): key is JsonField => (JSON_FIELDS as readonly string[]).includes(key);

type Row = Record<string, unknown>;

function toRow(patch: Partial<RunRecord>): Row {
  const row: Row = {};
  for (const [key, value] of Object.entries(patch)) {
    if (isJson(key)) row[`${key}_json`] = value === null ? null : JSON.stringify(value);
    else row[key] = typeof value === 'boolean' ? Number(value) : value;
  }
  return row;
}

function fromRow(row: Row): RunRecord {
  const record: Row = {};
  for (const [key, value] of Object.entries(row)) {
    if (key.endsWith('_json')) record[key.slice(0, -5)] = value === null ? null : parseStored(value);
    else record[key] = value;
  }
  record.resume_at_start = row.resume_at_start === 1;
  return record as unknown as RunRecord;
}

export class RunRepository {
  constructor(private readonly db: Db) {}

  /** Newest first. */
  list(): RunRecord[] {
    return (this.db.prepare('SELECT * FROM runs ORDER BY created DESC, id').all() as Row[]).map(fromRow);
  }

  get(id: string): RunRecord | null {
    const row = this.db.prepare('SELECT * FROM runs WHERE id = ?').get(id) as Row | undefined;
    return row ? fromRow(row) : null;
  }

  /** Those that are queued, running or paused, oldest place in the queue first. */
  active(): RunRecord[] {
    return (
      this.db
        .prepare("SELECT * FROM runs WHERE status IN ('queued', 'running', 'paused') ORDER BY queued_at, created")
        .all() as Row[]
    ).map(fromRow);
  }

  insert(run: RunRecord): void {
    const row = toRow(run);
    const keys = Object.keys(row);
    this.db.prepare(`INSERT INTO runs (${keys.join(', ')}) VALUES (${keys.map((k) => `@${k}`).join(', ')})`).run(row);
  }

  /** `updated` follows by itself. */
  update(id: string, patch: Partial<Omit<RunRecord, 'id' | 'created' | 'updated'>>): void {
    const row: Row = toRow({ ...patch, updated: new Date().toISOString() } as Partial<RunRecord>);
    const set = Object.keys(row)
      .map((k) => `${k} = @${k}`)
      .join(', ');
    this.db.prepare(`UPDATE runs SET ${set} WHERE id = @id`).run({ ...row, id });
  }

  delete(id: string): void {
    this.db.prepare('DELETE FROM runs WHERE id = ?').run(id);
  }
}
