import type { PuzzleKind } from '../../shared/arc';
import type { DatasetRecipe, DatasetSidecar } from '../../shared/dataset';
import type { Db } from '../db/open';
import { parseStored } from './rows';

/** What is known of a dataset once its files are there. */
export interface DatasetFacts {
  rows: number;
  columns: number;
  vocab_size: number;
  seq_len: number;
  train_examples: number;
  test_examples: number;
  train_puzzles: number;
  train_groups: number;
  mean_puzzle_examples: number;
  num_puzzle_identifiers: number;
  bytes: number;
  shortfalls: DatasetSidecar['shortfalls'];
  left_out: DatasetSidecar['left_out'];
}

export interface DatasetRecord {
  id: string;
  name: string;
  kind: PuzzleKind;
  status: 'building' | 'ready' | 'failed';
  error: string | null;
  created: string;
  /** As stored: relative to the home, or absolute for an adopted folder. */
  path: string;
  /** Made elsewhere: deleting the dataset leaves the folder. */
  adopted: boolean;
  recipe: DatasetRecipe | null;
  facts: DatasetFacts | null;
  /** The studio process that builds it. */
  owner: string | null;
}

interface Row extends Omit<DatasetRecord, 'adopted' | 'recipe' | 'facts'> {
  adopted: number;
  recipe_json: string | null;
  facts_json: string | null;
}

const fromRow = ({ recipe_json, facts_json, ...row }: Row): DatasetRecord => ({
  ...row,
  adopted: row.adopted === 1,
  recipe: recipe_json === null ? null : (parseStored(recipe_json) as DatasetRecipe),
  facts: facts_json === null ? null : (parseStored(facts_json) as DatasetFacts),
});

export class DatasetRepository {
  constructor(private readonly db: Db) {}

  list(): DatasetRecord[] {
    return (this.db.prepare('SELECT * FROM datasets ORDER BY created DESC, id').all() as Row[]).map(fromRow);
  }

  get(id: string): DatasetRecord | null {
    const row = this.db.prepare('SELECT * FROM datasets WHERE id = ?').get(id) as Row | undefined;
    return row ? fromRow(row) : null;
  }

  byPath(path: string): DatasetRecord | null {
    const row = this.db.prepare('SELECT * FROM datasets WHERE path = ?').get(path) as Row | undefined;
    return row ? fromRow(row) : null;
  }

  insert(d: DatasetRecord): void {
    this.db
      .prepare(
        `INSERT INTO datasets (id, name, kind, status, error, created, path, adopted, recipe_json, facts_json, owner)
         VALUES (@id, @name, @kind, @status, @error, @created, @path, @adopted, @recipe_json, @facts_json, @owner)`,
      )
      .run({
        ...d,
        adopted: d.adopted ? 1 : 0,
        recipe_json: d.recipe && JSON.stringify(d.recipe),
        facts_json: d.facts && JSON.stringify(d.facts),
      });
  }

  setBuilding(id: string, owner: string | null): void {
    this.db.prepare("UPDATE datasets SET status = 'building', error = NULL, owner = ? WHERE id = ?").run(owner, id);
  }

  setReady(id: string, kind: PuzzleKind, facts: DatasetFacts): void {
    this.db
      .prepare(
        "UPDATE datasets SET status = 'ready', error = NULL, owner = NULL, kind = ?, facts_json = ? WHERE id = ?",
      )
      .run(kind, JSON.stringify(facts), id);
  }

  setFailed(id: string, error: string): void {
    this.db.prepare("UPDATE datasets SET status = 'failed', owner = NULL, error = ? WHERE id = ?").run(error, id);
  }

  delete(id: string): void {
    this.db.prepare('DELETE FROM datasets WHERE id = ?').run(id);
  }
}
