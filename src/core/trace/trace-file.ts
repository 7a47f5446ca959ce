/** A trace's tensors as shared/trace.ts lists them. */
import type { NamedTensor, TensorData } from '../checkpoint/formats/safetensors';
import type { TraceRun } from './trace-run';

/** @param rows the example first, then its views; `targets` null without a target. Arrays are [S]. */
export function traceTensors(
  run: TraceRun,
  rows: { inputs: Uint8Array[]; targets: Uint8Array[] | null },
): Map<string, NamedTensor> {
  const [input] = rows.inputs;
  const [S, N, T, U] = [input.length, rows.inputs.length, run.tokens.length, run.updates.length];
  const tensors = new Map<string, NamedTensor>();
  const put = (name: string, shape: number[], data: TensorData): void => {
    if (shape.reduce((a, b) => a * b, 1) !== data.length) throw new Error(`${name} has ${data.length} numbers`);
    tensors.set(name, { shape, data });
  };
  // Floats come first: the header is padded to 8 bytes, and so every one of them lies where a view may begin.
  for (const name of run.latents) {
    const grids = run.grids[name];
    put(`confidence.${name}`, [T, S], floats(grids.map((grid) => grid.confidence)));
    put(`entropy.${name}`, [T, S], floats(grids.map((grid) => grid.entropy)));
    put(`change.${name}`, [T], Float32Array.from(run.change[name]));
  }
  put(
    'q_halt',
    [T],
    Float32Array.from(run.q_halt, (q) => q[0]),
  );
  put(
    'q_continue',
    [T],
    Float32Array.from(run.q_continue, (q) => q[0]),
  );
  put('distances', [T + 1, T + 1], run.distances);
  put('path', [run.path.points.length / 2, 2], run.path.points);
  if (U > 0) {
    put('inner.confidence', [T, U, S], floats(run.inner.map((update) => update.confidence)));
    put('inner.entropy', [T, U, S], floats(run.inner.map((update) => update.entropy)));
    put(
      'inner.change',
      [T, U],
      Float32Array.from(run.inner, (update) => update.change),
    );
  }
  if (run.views) {
    put(
      'views.q_halt',
      [N, T],
      Float32Array.from({ length: N * T }, (_, i) => run.q_halt[i % T][Math.floor(i / T)]),
    );
    put('views.path', [N, T + 1, 2], run.views.points);
  }

  put('input', [S], input);
  if (rows.targets) put('target', [S], rows.targets[0]);
  for (const name of run.latents) put(`tokens.${name}`, [T, S], bytes(run.grids[name].map((grid) => grid.tokens)));
  const V = run.probabilities[0].length / S;
  put('probabilities', [T, S, V], bytes(run.probabilities.map((p) => p.map((x) => Math.round(255 * x)))));
  if (U > 0) put('inner.tokens', [T, U, S], bytes(run.inner.map((update) => update.tokens)));
  if (run.views) {
    const perView = (of: (t: number, from: number) => ArrayLike<number>) =>
      bytes(Array.from({ length: N * T }, (_, i) => of(i % T, Math.floor(i / T) * S)));
    put('views.input', [N, S], bytes(rows.inputs));
    if (rows.targets) put('views.target', [N, S], bytes(rows.targets));
    put(
      'views.tokens',
      [N, T, S],
      perView((t, from) => run.tokens[t].subarray(from, from + S)),
    );
    put(
      'views.confidence',
      [N, T, S],
      perView((t, from) => run.confidence[t].subarray(from, from + S).map((p) => Math.round(255 * p))),
    );
  }
  return tensors;
}

function floats(parts: ArrayLike<number>[]): Float32Array {
  const out = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  parts.reduce((at, part) => (out.set(part, at), at + part.length), 0);
  return out;
}

function bytes(parts: ArrayLike<number>[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  parts.reduce((at, part) => (out.set(part, at), at + part.length), 0);
  return out;
}
