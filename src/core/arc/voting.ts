/**
 * The vote: every view of a test input (the task as it is, and each augmentation of it, mapped back into the task's own
 * frame) gives one predicted grid and the model's own confidence q; grids are ranked by votes, then by mean q.
 * Rule and order of ties: the reference's `evaluators/arc.py`.
 *
 * Made for 400 tasks × 1000 augmentations × 900 cells: each distinct grid is kept once, at half a byte per cell, and a
 * vote takes 16 bytes.
 */
import type { FlatGrid } from '../../shared/arc-grid';

/** A grid that was predicted for a test input. */
export interface Candidate {
  /** Its number in the pool. */
  grid: number;
  votes: number;
  /** Mean over its voters of sigmoid(q_halt). */
  mean_q: number;
}

/** Distinct grids, numbered from 0 in order of first appearance. Cells are colours 0…9; a grid may be 0×0. */
export class GridPool {
  /** Per grid: rows, columns, then two cells per byte. */
  private bytes = new Uint8Array(1 << 16);
  private end = 0;
  /** Where grid i begins; one more entry than grids. */
  private starts: Float64Array = new Float64Array(256);
  private count = 0;
  /** Open addressing: grid number + 1 at its hash, 0 where free. At most half full. */
  private table = new Int32Array(512);
  private scratch = new Uint8Array(2 + 450);

  get size(): number {
    return this.count;
  }

  /** The number of an equal grid, which is stored if there is none. */
  add(grid: FlatGrid): number {
    const length = this.pack(grid);
    const slot = this.find(this.scratch, length);
    if (this.table[slot] > 0) return this.table[slot] - 1;
    this.bytes = grown(this.bytes, this.end + length);
    this.bytes.set(this.scratch.subarray(0, length), this.end);
    this.end += length;
    this.starts = grown(this.starts, this.count + 2);
    this.starts[++this.count] = this.end;
    this.table[slot] = this.count;
    if (2 * this.count > this.table.length) this.rehash();
    return this.count - 1;
  }

  /** The number of an equal grid, or −1. */
  indexOf(grid: FlatGrid): number {
    const slot = this.find(this.scratch, this.pack(grid));
    return this.table[slot] - 1;
  }

  get(index: number): FlatGrid {
    if (!(index >= 0 && index < this.count)) throw new RangeError(`grid ${index} of ${this.count}`);
    const at = this.starts[index];
    const [rows, columns] = [this.bytes[at], this.bytes[at + 1]];
    const cells = new Uint8Array(rows * columns);
    for (let i = 0; i < cells.length; i++) {
      const pair = this.bytes[at + 2 + (i >> 1)];
      cells[i] = i & 1 ? pair >> 4 : pair & 15;
    }
    return { rows, columns, cells };
  }

  /** All grids one behind the other, as {@link restore} takes them. */
  save(): Uint8Array {
    return this.bytes.slice(0, this.end);
  }

  /** @throws RangeError if the bytes are no pool */
  static restore(bytes: Uint8Array): GridPool {
    const pool = new GridPool();
    for (let at = 0; at < bytes.length;) {
      const [rows, columns] = [bytes[at], bytes[at + 1]];
      const length = 2 + Math.ceil((rows * columns) / 2);
      if (!(at + length <= bytes.length)) throw new RangeError('the last grid is cut off');
      const cells = new Uint8Array(rows * columns);
      for (let i = 0; i < cells.length; i++) {
        const pair = bytes[at + 2 + (i >> 1)];
        cells[i] = i & 1 ? pair >> 4 : pair & 15;
      }
      const before = pool.count;
      if (pool.add({ rows, columns, cells }) !== before) throw new RangeError('a grid stands in it twice');
      at += length;
    }
    return pool;
  }

  private pack({ rows, columns, cells }: FlatGrid): number {
    const { scratch } = this;
    scratch[0] = rows;
    scratch[1] = columns;
    let at = 2;
    for (let i = 0; i < cells.length; i += 2) scratch[at++] = cells[i] | ((cells[i + 1] ?? 0) << 4);
    return at;
  }

  /** The slot that holds these bytes, or the free one where they belong. FNV-1a. */
  private find(bytes: Uint8Array, length: number): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    const mask = this.table.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    while (this.table[slot] > 0 && !this.holds(this.table[slot] - 1, bytes, length)) slot = (slot + 1) & mask;
    return slot;
  }

  private holds(index: number, bytes: Uint8Array, length: number): boolean {
    const at = this.starts[index];
    if (this.starts[index + 1] - at !== length) return false;
    for (let i = 0; i < length; i++) if (this.bytes[at + i] !== bytes[i]) return false;
    return true;
  }

  private rehash(): void {
    this.table = new Int32Array(2 * this.table.length);
    for (let i = 0; i < this.count; i++) {
      const stored = this.bytes.subarray(this.starts[i], this.starts[i + 1]);
      this.table[this.find(stored, stored.length)] = i + 1;
    }
  }
}

/** The votes on one test input, in the order in which they came. */
export class Ballot {
  private views = new Int32Array(8);
  private grids = new Int32Array(8);
  private q = new Float64Array(8);
  private count = 0;

  constructor(
    readonly task: string,
    /** The test input's grid in the pool, in the task's own frame. */
    readonly input: number,
  ) {}

  /** Votes so far. */
  get votes(): number {
    return this.count;
  }

  /**
   * @param grid the prediction's number in the pool, mapped back into the task's frame
   * @param q sigmoid(q_halt) of the prediction
   * @param view whatever the caller numbers views by; told again by {@link voters}
   */
  add(grid: number, q: number, view: number): void {
    const at = this.count++;
    this.grids = grown(this.grids, this.count);
    this.q = grown(this.q, this.count);
    this.views = grown(this.views, this.count);
    this.grids[at] = grid;
    this.q[at] = q;
    this.views[at] = view;
  }

  /**
   * Best first: by votes, then by mean q; of equals the one that was voted for first, as Python's stable sort leaves them.
   * @param first counts only this many votes, the earliest
   */
  candidates(first = this.count): Candidate[] {
    const tally = new Map<number, Candidate>();
    for (let i = 0; i < Math.min(first, this.count); i++) {
      const candidate = tally.get(this.grids[i]);
      if (candidate) {
        candidate.votes++;
        candidate.mean_q += this.q[i];
      } else tally.set(this.grids[i], { grid: this.grids[i], votes: 1, mean_q: this.q[i] });
    }
    const list = [...tally.values()];
    for (const candidate of list) candidate.mean_q /= candidate.votes;
    return list.sort((a, b) => b.votes - a.votes || b.mean_q - a.mean_q);
  }

  /** The views that voted for a grid, in their order, each with its q. */
  voters(grid: number): { view: number; q: number }[] {
    const found = [];
    for (let i = 0; i < this.count; i++) if (this.grids[i] === grid) found.push({ view: this.views[i], q: this.q[i] });
    return found;
  }

  /** The votes as columns, as {@link Votes.restore} takes them. */
  columns(): { views: Int32Array; grids: Int32Array; q: Float64Array } {
    const { views, grids, q, count } = this;
    return { views: views.subarray(0, count), grids: grids.subarray(0, count), q: q.subarray(0, count) };
  }
}

/** Plain columns of all votes: what progress and results keep. */
export interface SavedVotes {
  /** Per ballot. */
  ballots: { task: string; input: number; votes: number }[];
  pool: Uint8Array;
  /** The ballots' votes one behind the other. */
  views: Int32Array;
  grids: Int32Array;
  q: Float64Array;
}

/** The ballots of many test inputs over one pool of grids. */
export class Votes {
  pool = new GridPool();
  private readonly byKey = new Map<string, Ballot>();

  /** One vote: a test input and a prediction for it, both in the task's own frame. */
  add(task: string, input: FlatGrid, prediction: FlatGrid, q: number, view: number): void {
    const index = this.pool.add(input);
    const key = `${index} ${task}`;
    let ballot = this.byKey.get(key);
    if (!ballot) this.byKey.set(key, (ballot = new Ballot(task, index)));
    ballot.add(this.pool.add(prediction), q, view);
  }

  /** The votes on a test input, or null if nobody voted. */
  ballot(task: string, input: FlatGrid): Ballot | null {
    return this.byKey.get(`${this.pool.indexOf(input)} ${task}`) ?? null;
  }

  ballots(): Iterable<Ballot> {
    return this.byKey.values();
  }

  save(): SavedVotes {
    const ballots = [...this.byKey.values()];
    const total = ballots.reduce((sum, ballot) => sum + ballot.votes, 0);
    const [views, grids, q] = [new Int32Array(total), new Int32Array(total), new Float64Array(total)];
    let at = 0;
    for (const ballot of ballots) {
      const columns = ballot.columns();
      views.set(columns.views, at);
      grids.set(columns.grids, at);
      q.set(columns.q, at);
      at += ballot.votes;
    }
    return {
      ballots: ballots.map(({ task, input, votes }) => ({ task, input, votes })),
      pool: this.pool.save(),
      views,
      grids,
      q,
    };
  }

  /** @throws RangeError if the columns do not fit together */
  static restore(saved: SavedVotes): Votes {
    const votes = new Votes();
    votes.pool = GridPool.restore(saved.pool);
    const { size } = votes.pool;
    let at = 0;
    for (const { task, input, votes: count } of saved.ballots) {
      const ballot = new Ballot(task, input);
      for (const end = at + count; at < end; at++) {
        if (!(saved.grids[at] >= 0 && saved.grids[at] < size)) throw new RangeError(`vote ${at} is for no grid`);
        ballot.add(saved.grids[at], saved.q[at], saved.views[at]);
      }
      votes.byKey.set(`${input} ${task}`, ballot);
    }
    if (at !== saved.grids.length) throw new RangeError(`${saved.grids.length - at} votes belong to no ballot`);
    return votes;
  }
}

/** `array`, or a larger copy if it holds fewer than `length` entries. */
function grown<T extends Uint8Array | Int32Array | Float64Array>(array: T, length: number): T {
  if (length <= array.length) return array;
  const larger = new (array.constructor as new (length: number) => T)(Math.max(length, 2 * array.length));
  larger.set(array as never);
  return larger;
}
