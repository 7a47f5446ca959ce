/** A view's own trace, out of the file that holds them all: its ACT steps, without what is recorded of view 0 alone. */
import { predictionBox } from '../../grid/decode';
import { factsOf, type Trace } from './trace';

const kept = new WeakMap<Trace, Map<number, Trace>>();

/** @param view 0 gives the trace itself */
export function traceOfView(trace: Trace, view: number): Trace {
  if (!trace.views || view === 0) return trace;
  let cache = kept.get(trace);
  if (!cache) kept.set(trace, (cache = new Map()));
  let found = cache.get(view);
  if (!found) cache.set(view, (found = makeView(trace, trace.views, view)));
  return found;
}

function makeView(trace: Trace, views: NonNullable<Trace['views']>, view: number): Trace {
  const { puzzle, example, halts_at } = trace.meta.views[view];
  const tokens = views.tokens[view];
  const confidence = views.confidence[view].map((p) => Float32Array.from(p, (v) => v / 255));
  const input = views.inputs[view];
  const target = views.targets ? views.targets[view] : null;
  const name = trace.meta.latents[0];
  const base = {
    meta: { ...trace.meta, puzzle, split: example.split, index: example.index, halts_at, latents: [name], updates: [] },
    shape: trace.shape,
    input,
    target,
    frame: predictionBox(trace.meta.kind, trace.shape, input, target, tokens.slice(-1)),
  };
  const steps = tokens.map((now, t) => factsOf(base, t === 0 ? input : tokens[t - 1], now, confidence[t]));
  const last = steps[steps.length - 1];
  base.meta.solved = last.right === null ? null : last.right === last.labelled;
  return {
    ...base,
    layers: [{ name, tokens, confidence, entropy: null, change: null }],
    inner: null,
    halting: views.halting[view],
    going: null,
    probabilities: null,
    distances: null,
    path: null,
    views,
    steps,
  };
}
