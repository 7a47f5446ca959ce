/** A trace as JSON: what one would plot or print. The large per-update arrays stay in the safetensors file. */
import type { TraceMeta } from './trace';

/** What is written of a trace. T = ACT steps, S = rows · columns, N views; null where a trace of schema 1 has none. */
export interface TraceNumbers {
  meta: TraceMeta;
  shape: { rows: number; columns: number };
  input: Uint8Array;
  target: Uint8Array | null;
  /** The output first. T entries of [S], and [T]. */
  layers: readonly {
    name: string;
    tokens: readonly Uint8Array[];
    confidence: readonly Float32Array[];
    entropy: readonly Float32Array[] | null;
    change: Float32Array | null;
  }[];
  /** Probability of halting and of going on. [T] */
  halting: Float32Array;
  going: Float32Array | null;
  /** [T + 1, T + 1] */
  distances: Float32Array | null;
  /** [P, 2] */
  path: Float32Array | null;
  /** [N] of [T], [N][T] of [S], [N] of [T + 1, 2] */
  views: { halting: readonly Float32Array[]; tokens: readonly Uint8Array[][]; paths: readonly Float32Array[] } | null;
  /** Of the output; `confidence` over the labelled cells. */
  steps: readonly { right: number | null; labelled: number; confidence: number }[];
}

const round = (v: number): number => Number(v.toPrecision(6));
const numbers = (list: ArrayLike<number>): number[] => Array.from(list, round);

export function traceJson(trace: TraceNumbers): string {
  const { meta, shape, input, target, layers, halting, going, distances, path, views } = trace;
  const rows = (tokens: Uint8Array): number[][] =>
    Array.from({ length: shape.rows }, (_, r) =>
      Array.from(tokens.subarray(r * shape.columns, (r + 1) * shape.columns)),
    );
  const T = meta.act_steps;
  return JSON.stringify({
    meta,
    /** Tokens, as the model sees them. */
    input: rows(input),
    target: target && rows(target),
    steps: Array.from({ length: T }, (_, t) => ({
      step: t + 1,
      p_halt: round(halting[t]),
      p_continue: going && round(going[t]),
      right: trace.steps[t].right,
      labelled: trace.steps[t].labelled,
      mean_confidence: round(trace.steps[t].confidence),
      latents: Object.fromEntries(
        layers.map(({ name, tokens, confidence, entropy, change }) => [
          name,
          {
            change: change && round(change[t]),
            tokens: rows(tokens[t]),
            confidence: numbers(confidence[t]),
            entropy: entropy && numbers(entropy[t]),
          },
        ]),
      ),
    })),
    path: path && pairs(path),
    distances:
      distances && Array.from({ length: T + 1 }, (_, i) => numbers(distances.subarray(i * (T + 1), (i + 1) * (T + 1)))),
    views:
      views &&
      meta.views.map((view, n) => ({
        ...view,
        p_halt: numbers(views.halting[n]),
        tokens: views.tokens[n].map(rows),
        path: pairs(views.paths[n]),
      })),
  });
}

function pairs(list: Float32Array): [number, number][] {
  return Array.from({ length: list.length / 2 }, (_, i) => [round(list[2 * i]), round(list[2 * i + 1])]);
}
