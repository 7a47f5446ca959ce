/**
 * A batch through the ACT steps, watched closely: everything that a trace holds, from a model and a batch, whatever they
 * were made from. Row 0 is the example that is played back; other rows are views of it (augmentations).
 *
 * Shapes: B rows, S cells, P prefix tokens, L = P + S tokens, D hidden size, V vocabulary, T ACT steps, U updates a step.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { TraceUpdate } from '../../shared/trace';
import type { Batch } from '../data/batch';
import type { Latents, Network } from '../model/architecture';
import { totalLength } from '../model/architecture';
import { scoped } from '../model/autodiff';
import { decode } from '../model/heads';
import type { Level, Observer } from '../model/observe';
import { forward } from '../act/forward';
import type { PuzzleEmbedding } from '../train/sign-sgd';
import { firstLatents, type Evaluated } from '../act/batch';
import { project, type Projection } from './pca';
import { readGrids, type Grids } from './trace-grids';

export interface TraceOptions {
  act_steps: number;
  /** Also every H and L update inside the steps, of row 0. */
  inner: boolean;
  /** Told after each step. */
  progress?: (done: number, total: number) => void;
  /** Asked after each step; true ends the trace with null. */
  stopped?: () => boolean;
}

export interface TraceRun {
  latents: string[];
  updates: TraceUpdate[];
  /** Row 0, by latent: T entries of [S]. */
  grids: Record<string, Grids[]>;
  /** Row 0, by latent: [T]. */
  change: Record<string, number[]>;
  /** Row 0: T arrays [S · V]. */
  probabilities: Float32Array[];
  /** Row 0, T · U entries; empty unless asked for. */
  inner: (Grids & { change: number })[];
  /** All rows: T arrays [B · S]. */
  tokens: Uint8Array[];
  confidence: Float32Array[];
  /** All rows: T arrays [B]. */
  q_halt: Float32Array[];
  q_continue: Float32Array[];
  /** [T + 1, T + 1] */
  distances: Float32Array;
  path: Projection;
  /** [B, T + 1, 2]; null for a single row. */
  views: Projection | null;
}

/** Latent states kept for the path, in bytes; beyond it every n-th token stands for all of them. */
const KEPT_BYTES = 2 ** 27;

/** Between two steps the event loop gets its turn, so that training goes on beside it. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** @returns null if `stopped` said so */
export async function traceBatch(
  model: Evaluated,
  puzzles: PuzzleEmbedding | null,
  batch: Batch,
  options: TraceOptions,
): Promise<TraceRun | null> {
  const { architecture, net } = model;
  const { act_steps: T } = options;
  const B = batch.size;
  const names = architecture.latents(net.spec).map(({ name }) => name);
  const latents = [architecture.output, ...names.filter((name) => name !== architecture.output)];
  const run: Omit<TraceRun, 'distances' | 'path' | 'views'> = {
    latents,
    updates: [],
    grids: Object.fromEntries(latents.map((name) => [name, []])),
    change: Object.fromEntries(latents.map((name) => [name, []])),
    probabilities: [],
    inner: [],
    tokens: [],
    confidence: [],
    q_halt: [],
    q_continue: [],
  };
  const tokens = tf.tensor2d(batch.inputs, [B, net.spec.seq_len], 'int32');
  const puzzleRows = puzzles ? tf.tensor2d(puzzles.gather(batch.puzzle_identifiers), [B, puzzles.width]) : null;
  const states = new States(net, B > 1, 1 + T * (options.inner ? writesPerStep(model) : 1));
  let z: Latents = scoped(() => firstLatents({ architecture, net }, B));
  try {
    states.start(z[architecture.output]);
    for (let t = 0; t < T; t++) {
      const watch = options.inner ? new Watch(net, z, architecture.output, states) : null;
      const before = z;
      try {
        const { next, read } = scoped(() => {
          const out = forward(architecture, { ...net, observer: watch ?? undefined }, before, tokens, puzzleRows);
          return { next: out.latents, read: readStep(net, latents, before, out.latents, out) };
        });
        z = next;
        tf.dispose(before);
        takeStep(run, latents, read, B);
        if (watch) takeUpdates(run, watch);
      } finally {
        watch?.dispose();
      }
      states.step(z[architecture.output], !options.inner);
      await breathe();
      options.progress?.(t + 1, T);
      if (t + 1 < T && options.stopped?.()) return null;
    }
    return { ...run, distances: states.distances(), path: states.path(), views: states.views(B) };
  } finally {
    states.dispose();
    tf.dispose([z, tokens, ...(puzzleRows ? [puzzleRows] : [])]);
  }
}

/** How often a step writes the output latent, at most. */
function writesPerStep({ architecture, net }: Evaluated): number {
  const { H_cycles, L_cycles } = net.spec.arch;
  return H_cycles * (architecture.latents(net.spec).length === 1 ? L_cycles + 1 : 1);
}

/** The tokens of row 0. @param z [B · L, D] or [B, L, D] */
function firstRow(net: Network, z: tf.Tensor): Tensor2D {
  const D = net.spec.arch.hidden_size;
  return tf.slice(tf.reshape(z, [-1, D]), [0, 0], [totalLength(net.spec), D]) as Tensor2D;
}

const rms = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.sqrt(tf.mean(tf.square(tf.sub(a, b))));

/** What is read back after a step, still on the device. */
function readStep(
  net: Network,
  latents: readonly string[],
  before: Latents,
  after: Latents,
  out: { logits: Tensor3D; q_halt_logits: tf.Tensor; q_continue_logits: tf.Tensor },
) {
  const [output, ...low] = latents;
  const all = readGrids(out.logits, net);
  const [B] = out.logits.shape;
  const single = (name: string) => {
    const row = tf.expandDims(firstRow(net, after[name]), 0) as Tensor3D;
    return readGrids(decode(net, row).logits, net).packed;
  };
  return {
    /** [3, B · S] */
    output: all.packed,
    /** [S, V] */
    probabilities: tf.slice(all.probabilities, [0, 0, 0], [1, -1, -1]),
    /** Each [3, S]. */
    low: low.map(single),
    /** [latents] */
    change: tf.stack([output, ...low].map((name) => rms(firstRow(net, after[name]), firstRow(net, before[name])))),
    /** [2, B] */
    q: tf.stack([tf.reshape(out.q_halt_logits, [B]), tf.reshape(out.q_continue_logits, [B])]),
  };
}

/** Sync point: reads a step back and frees it. */
function takeStep(
  run: Omit<TraceRun, 'distances' | 'path' | 'views'>,
  [output, ...low]: readonly string[],
  read: ReturnType<typeof readStep>,
  B: number,
): void {
  const floats = (t: tf.Tensor): Float32Array => {
    const values = t.dataSync() as Float32Array;
    t.dispose();
    return values;
  };
  const packed = floats(read.output);
  const N = packed.length / 3;
  const S = N / B;
  run.tokens.push(Uint8Array.from(packed.subarray(0, N)));
  run.confidence.push(packed.slice(N, 2 * N));
  run.grids[output].push(unpack(packed, N, 0, S));
  run.probabilities.push(floats(read.probabilities));
  low.forEach((name, i) => run.grids[name].push(unpack(floats(read.low[i]), S, 0, S)));
  const change = floats(read.change);
  [output, ...low].forEach((name, i) => run.change[name].push(change[i]));
  const q = floats(read.q);
  run.q_halt.push(q.slice(0, B));
  run.q_continue.push(q.slice(B));
}

/** Cells `from … from + S` out of [3, N]: tokens, confidence, entropy. */
function unpack(packed: Float32Array, N: number, from: number, S: number): Grids {
  const part = (k: number) => packed.slice(k * N + from, k * N + from + S);
  return { tokens: Uint8Array.from(part(0)), confidence: part(1), entropy: part(2) };
}

function takeUpdates(run: Omit<TraceRun, 'distances' | 'path' | 'views'>, watch: Watch): void {
  run.updates = watch.updates;
  run.inner.push(...watch.read());
}

/** Watches the updates of one ACT step. */
class Watch implements Observer {
  readonly updates: TraceUpdate[] = [];
  /** Per update [3, S] and its change, a scalar. */
  private readonly grids: tf.Tensor[] = [];
  private readonly moved: tf.Tensor[] = [];
  /** Row 0 of each latent as it was last written, [L, D]. */
  private readonly last = new Map<string, Tensor2D>();

  constructor(
    private readonly net: Network,
    start: Latents,
    private readonly output: string,
    private readonly states: States,
  ) {
    for (const [name, z] of Object.entries(start))
      this.last.set(
        name,
        scoped(() => firstRow(net, z)),
      );
  }

  update(level: Level, latent: string, z: Tensor2D): void {
    const { net } = this;
    const { row, grids, moved } = scoped(() => {
      const row = firstRow(net, z);
      const { logits } = decode(net, tf.expandDims(row, 0) as Tensor3D);
      return { row, grids: readGrids(logits, net).packed, moved: rms(row, this.last.get(latent) as Tensor2D) };
    });
    // The architecture's own tidy ends with the cycle; the step is read after it.
    for (const tensor of [row, grids, moved]) tf.keep(tensor);
    this.last.get(latent)?.dispose();
    this.last.set(latent, row);
    this.grids.push(grids);
    this.moved.push(moved);
    this.updates.push({ level, latent });
    if (latent === this.output) this.states.add(row);
  }

  /** Sync point. */
  read(): (Grids & { change: number })[] {
    return this.grids.map((grid, u) => {
      const packed = grid.dataSync() as Float32Array;
      const S = packed.length / 3;
      return { ...unpack(packed, S, 0, S), change: (this.moved[u].dataSync() as Float32Array)[0] };
    });
  }

  dispose(): void {
    tf.dispose([...this.grids, ...this.moved, ...this.last.values()]);
  }
}

/** The output latent at every step, and at every write where those are watched. */
class States {
  /** Row 0, flattened, thinned out: [1, K] each. The first is the start. */
  private readonly writes: Tensor2D[] = [];
  /** Which of them end an ACT step. */
  private readonly ends: number[] = [];
  /** Mean over the tokens, [B, D] each. */
  private readonly means: Tensor2D[] = [];
  private readonly every: number;

  constructor(
    private readonly net: Network,
    private readonly pooled: boolean,
    points: number,
  ) {
    const bytes = 4 * totalLength(net.spec) * net.spec.arch.hidden_size * points;
    this.every = Math.max(1, Math.ceil(bytes / KEPT_BYTES));
  }

  start(z: Tensor3D): void {
    this.step(z, true);
  }

  /** The state after an ACT step. @param write whether nobody has told the state by `add` */
  step(z: Tensor3D, write: boolean): void {
    if (write) {
      const row = scoped(() => firstRow(this.net, z));
      this.add(row);
      row.dispose();
    }
    this.ends.push(this.writes.length - 1);
    if (this.pooled) this.means.push(scoped(() => tf.mean(z, 1) as Tensor2D));
  }

  /** @param row [L, D] */
  add(row: Tensor2D): void {
    const thin = scoped(() => {
      const L = row.shape[0];
      const chosen = Array.from({ length: Math.ceil(L / this.every) }, (_, i) => i * this.every);
      const part = this.every === 1 ? row : tf.gather(row, tf.tensor1d(chosen, 'int32'));
      return tf.clone(tf.reshape(part, [1, -1])) as Tensor2D;
    });
    this.writes.push(tf.keep(thin));
  }

  /** [T + 1, T + 1] */
  distances(): Float32Array {
    const N = this.ends.length;
    const matrix = scoped(() => {
      const all = tf.concat(this.ends.map((i) => this.writes[i])) as Tensor2D;
      // By differences: the shorter way over products would drown small distances in rounding.
      const rows = this.ends.map((i) => scoped(() => tf.sqrt(tf.mean(tf.square(tf.sub(all, this.writes[i])), 1))));
      return tf.stack(rows);
    });
    const values = matrix.dataSync() as Float32Array;
    matrix.dispose();
    if (values.length !== N * N) throw new Error('a state of another size');
    return values;
  }

  path(): Projection {
    const K = this.writes[0].shape[1];
    // The start is the same for every puzzle and far from everything: axes fitted to it would show little else.
    return scaled(tf.concat(this.writes) as Tensor2D, K, this.writes.length > 2 ? 1 : 0);
  }

  /** [B, T + 1, 2] */
  views(B: number): Projection | null {
    if (!this.pooled) return null;
    const D = this.net.spec.arch.hidden_size;
    // Step by step, so that the starts of all views come first.
    const stacked = scoped(() => tf.reshape(tf.stack(this.means), [this.means.length * B, D]) as Tensor2D);
    const { points, explained } = scaled(stacked, D, this.means.length > 2 ? B : 0);
    const T1 = this.means.length;
    const byView = points.map((_, i) => {
      const [view, t, axis] = [Math.floor(i / (2 * T1)), Math.floor(i / 2) % T1, i % 2];
      return points[2 * (t * B + view) + axis];
    });
    return { points: byView, explained };
  }

  dispose(): void {
    tf.dispose([...this.writes, ...this.means]);
  }
}

/** Projects and frees x; lengths become RMS over its K columns. */
function scaled(x: Tensor2D, K: number, from: number): Projection {
  const { points, explained } = project(x, from);
  x.dispose();
  return { points: points.map((v) => v / Math.sqrt(K)), explained };
}
