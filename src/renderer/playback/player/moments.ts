/** What a trace shows at one moment: the end of an ACT step, or an update inside of it. */
import type { TraceUpdate } from '@shared/trace';
import { factsOf, type StepFacts, type Trace } from './trace';

/** `update` null: the end of the step. Both count from 0. */
export interface Moment {
  step: number;
  update: number | null;
}

/** A latent as it stands at a moment. */
export interface Standing {
  latent: string;
  tokens: Uint8Array;
  confidence: Float32Array;
  /** Nats. */
  entropy: Float32Array | null;
  facts: StepFacts;
  /** Inside a step: whether this very update wrote it. */
  written: boolean;
}

/** A latent that no update has written yet: there is nothing to decode, so nothing is right, wrong or confident. */
export interface Unwritten {
  latent: string;
  facts: null;
}

const kept = new WeakMap<Trace, Map<string, Standing | Unwritten>>();

/** @param layer number in `trace.layers` */
export function standing(trace: Trace, layer: number, { step, update }: Moment): Standing | Unwritten {
  const key = `${layer} ${step} ${update ?? ''}`;
  let cache = kept.get(trace);
  if (!cache) kept.set(trace, (cache = new Map()));
  let found = cache.get(key);
  if (!found)
    cache.set(key, (found = update === null ? atEnd(trace, layer, step) : inside(trace, layer, step, update)));
  return found;
}

function atEnd(trace: Trace, layer: number, step: number): Standing {
  const { name, tokens, confidence, entropy } = trace.layers[layer];
  const facts =
    layer === 0
      ? trace.steps[step]
      : factsOf(trace, step === 0 ? trace.input : tokens[step - 1], tokens[step], confidence[step]);
  return {
    latent: name,
    tokens: tokens[step],
    confidence: confidence[step],
    entropy: entropy && entropy[step],
    facts,
    written: true,
  };
}

function inside(trace: Trace, layer: number, step: number, update: number): Standing | Unwritten {
  const { name, tokens, confidence, entropy } = trace.layers[layer];
  const { inner } = trace;
  if (!inner) return atEnd(trace, layer, step);
  const { updates } = trace.meta;
  const U = updates.length;
  const lastWrite = (before: number): number => {
    let u = before;
    while (u >= 0 && updates[u].latent !== name) u--;
    return u;
  };
  const at = lastWrite(update);
  const written = at === update;
  if (at < 0) {
    // Not yet written in this step: as the step before left it.
    if (step === 0) return { latent: name, facts: null };
    const end = atEnd(trace, layer, step - 1);
    return { ...end, facts: factsOf(trace, end.tokens, end.tokens, end.confidence), written: false };
  }
  const i = step * U + at;
  const earlier = lastWrite(at - 1);
  const before = earlier >= 0 ? inner.tokens[step * U + earlier] : step > 0 ? tokens[step - 1] : trace.input;
  const facts = factsOf(trace, written ? before : inner.tokens[i], inner.tokens[i], inner.confidence[i]);
  // The last write of a step is what the step ends with, to the last bit.
  return {
    latent: name,
    tokens: inner.tokens[i],
    confidence: at === lastWrite(U - 1) ? confidence[step] : inner.confidence[i],
    entropy: at === lastWrite(U - 1) && entropy ? entropy[step] : inner.entropy[i],
    facts,
    written,
  };
}

/** The updates of a step by H cycle, numbered: "H1 L2" for the second L update of the first cycle. */
export function labelUpdates(updates: readonly TraceUpdate[]): { title: string; short: string; cycle: number }[] {
  let cycle = 1;
  let low = 0;
  return updates.map(({ level, latent }) => {
    if (level === 'L') {
      low++;
      return { title: `cycle ${cycle}, L update ${low} writes ${latent}`, short: `L${low}`, cycle };
    }
    const label = { title: `cycle ${cycle}, H update writes ${latent}`, short: 'H', cycle };
    cycle++;
    low = 0;
    return label;
  });
}

/** Where a moment lies on `trace.path`. */
export function pathIndex(trace: Trace, { step, update }: Moment): number {
  const output = trace.meta.latents[0];
  const { updates } = trace.meta;
  const writes = updates.filter(({ latent }) => latent === output).length || 1;
  if (update === null || updates.length === 0) return (step + 1) * writes;
  return step * writes + updates.slice(0, update + 1).filter(({ latent }) => latent === output).length;
}
