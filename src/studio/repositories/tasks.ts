import { packGrid, unpackGrid, type Grid, type PackedGrid, type Task } from '../../shared/arc';
import type { TaskDetail, TaskSummary } from '../../shared/contract/tasks';
import type { Db } from '../db/open';
import { parseStored } from './rows';

interface Row {
  id: number;
  subset: string;
  name: string;
  train_pairs: number;
  test_pairs: number;
  max_side: number;
  colours: number;
  same_shape: number;
  has_solutions: number;
  first_input: string;
  first_output: string;
}

/** As stored: pairs of packed grids; null where a test pair has no solution. */
interface StoredPairs {
  train: [input: PackedGrid, output: PackedGrid][];
  test: [input: PackedGrid, output: PackedGrid | null][];
  test_first?: true;
}

const SUMMARY = `t.id, t.subset, t.name, t.train_pairs, t.test_pairs, t.max_side, t.colours, t.same_shape, t.has_solutions,
  t.first_input, t.first_output`;

export class TaskRepository {
  constructor(private readonly db: Db) {}

  /** In the order of the subsets, then of the files they came from. */
  list(filter: { subsets?: string[]; search?: string; max_side?: number }): TaskSummary[] {
    const where: string[] = ['1'];
    const values: Record<string, unknown> = {};
    if (filter.subsets) {
      where.push('t.subset IN (SELECT value FROM json_each(@subsets))');
      values.subsets = JSON.stringify(filter.subsets);
    }
    if (filter.search) {
      where.push("t.name LIKE @search ESCAPE '\\'");
      values.search = `%${filter.search.replace(/[\\%_]/g, '\\$&')}%`;
    }
    if (filter.max_side !== undefined) {
      where.push('t.max_side <= @max_side');
      values.max_side = filter.max_side;
    }
    const sql = `SELECT ${SUMMARY} FROM tasks t JOIN subsets s ON s.name = t.subset WHERE ${where.join(' AND ')}
      ORDER BY s.bundled DESC, s.position, t.position`;
    return (this.db.prepare(sql).all(values) as Row[]).map(summary);
  }

  get(id: number): TaskDetail | null {
    const row = this.db.prepare(`SELECT ${SUMMARY}, t.pairs_json FROM tasks t WHERE t.id = ?`).get(id) as
      (Row & { pairs_json: string }) | undefined;
    if (!row) return null;
    const pairs = parseStored(row.pairs_json) as StoredPairs;
    return {
      ...summary(row),
      train: pairs.train.map(([input, output]) => ({ input, output })),
      test: pairs.test.map(([input, output]) => ({ input, output })),
    };
  }

  /** Whole tasks of one subset, in its order: what the dataset builder takes. */
  tasksOf(subset: string): Task[] {
    const rows = this.db
      .prepare('SELECT name, pairs_json FROM tasks WHERE subset = ? ORDER BY position')
      .all(subset) as {
      name: string;
      pairs_json: string;
    }[];
    return rows.map((row) => {
      const pairs = parseStored(row.pairs_json) as StoredPairs;
      return {
        name: row.name,
        train: pairs.train.map(([input, output]) => ({ input: unpackGrid(input), output: unpackGrid(output) })),
        test: pairs.test.map(([input, output]) => ({
          input: unpackGrid(input),
          ...(output === null ? {} : { output: unpackGrid(output) }),
        })),
        ...(pairs.test_first ? { test_first: true } : {}),
      };
    });
  }

  /** The collection that a task is in, or null if there is none of that id. */
  subsetOf(id: number): string | null {
    const row = this.db.prepare('SELECT subset FROM tasks WHERE id = ?').get(id) as { subset: string } | undefined;
    return row?.subset ?? null;
  }

  /** The task of that name in a collection. */
  idOf(subset: string, name: string): number | null {
    const row = this.db.prepare('SELECT id FROM tasks WHERE subset = ? AND name = ?').get(subset, name) as
      { id: number } | undefined;
    return row?.id ?? null;
  }

  /** Appends one task; the caller holds the transaction. @returns its id */
  insert(subset: string, task: Task): number {
    this.insertAll(subset, [task]);
    return this.idOf(subset, task.name) as number;
  }

  /** Puts a task in the place of another, which keeps its id and its position. */
  replace(id: number, task: Task): void {
    this.db
      .prepare(
        `UPDATE tasks SET name = @name, train_pairs = @train_pairs, test_pairs = @test_pairs, max_side = @max_side,
           colours = @colours, same_shape = @same_shape, has_solutions = @has_solutions, first_input = @first_input,
           first_output = @first_output, pairs_json = @pairs_json WHERE id = @id`,
      )
      .run({ ...describeTask(task), id });
  }

  delete(id: number): void {
    this.db.prepare('DELETE FROM tasks WHERE id = ?').run(id);
  }

  count(subset: string): number {
    return (this.db.prepare('SELECT count(*) AS n FROM tasks WHERE subset = ?').get(subset) as { n: number }).n;
  }

  /** Appends tasks to a subset; the caller holds the transaction. */
  insertAll(subset: string, tasks: readonly Task[]): void {
    const insert = this.db.prepare(
      `INSERT INTO tasks (subset, position, name, train_pairs, test_pairs, max_side, colours, same_shape, has_solutions,
         first_input, first_output, pairs_json)
       VALUES (@subset, @position, @name, @train_pairs, @test_pairs, @max_side, @colours, @same_shape, @has_solutions,
         @first_input, @first_output, @pairs_json)`,
    );
    const last = this.db.prepare('SELECT max(position) AS last FROM tasks WHERE subset = ?').get(subset);
    let position = ((last as { last: number | null }).last ?? -1) + 1;
    for (const task of tasks) insert.run({ ...describeTask(task), subset, position: position++ });
  }
}

function summary(row: Row): TaskSummary {
  const { first_input, first_output, same_shape, has_solutions, ...rest } = row;
  return {
    ...rest,
    same_shape: same_shape === 1,
    has_solutions: has_solutions === 1,
    input: first_input,
    output: first_output,
  };
}

/** The columns that a list and its filters need, worked out once when a task is stored. */
export function describeTask(task: Task) {
  const grids: Grid[] = [];
  let sameShape = true;
  for (const pair of [...task.train, ...task.test]) {
    grids.push(pair.input);
    if (!pair.output) continue;
    grids.push(pair.output);
    sameShape &&= pair.input.length === pair.output.length && pair.input[0].length === pair.output[0].length;
  }
  let colours = 0;
  let maxSide = 0;
  for (const grid of grids) {
    maxSide = Math.max(maxSide, grid.length, grid[0].length);
    for (const row of grid) for (const colour of row) colours |= 1 << colour;
  }
  const pairs: StoredPairs = {
    train: task.train.map((p) => [packGrid(p.input), packGrid(p.output)]),
    test: task.test.map((p) => [packGrid(p.input), p.output ? packGrid(p.output) : null]),
    ...(task.test_first ? { test_first: true } : {}),
  };
  return {
    name: task.name,
    train_pairs: task.train.length,
    test_pairs: task.test.length,
    max_side: maxSide,
    colours,
    same_shape: sameShape ? 1 : 0,
    has_solutions: task.test.every((p) => p.output) ? 1 : 0,
    first_input: pairs.train[0][0],
    first_output: pairs.train[0][1],
    pairs_json: JSON.stringify(pairs),
  };
}

/** The summary of a task that is not stored (an import's preview); its id is 0. */
export function previewSummary(subset: string, task: Task): TaskSummary {
  const { pairs_json: _, ...row } = describeTask(task);
  return summary({ ...row, id: 0, subset });
}
