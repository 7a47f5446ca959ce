/**
 * The reference's own state after step 1, from its trace. AdamATan2's first update is lr · atan2(g, |g|) and SignSGD's
 * lr · sign(g): where the true gradient is 0, rounding alone decides to which side a weight takes a whole step, in the
 * reference as well as here, and everything later follows from it. A case that fails for this reason is run once more with
 * the steps after the first taken from the reference's state, which is then said.
 */
import type { Batch } from '../data/batch';
import type { TrainerSnapshot } from '../train/trainer';
import { EMBEDDING, parameterName, type ParityCase } from './case';
import { largest } from './measure';
import { NOISE, WEIGHTS_NEAR } from './tolerances';

export interface ReferenceState {
  snapshot: TrainerSnapshot;
  /** Weights that went the other way although the reference's gradient there is noise, as `name[i]`. */
  noise: string[];
}

/**
 * @param ours our state after step 1
 * @returns null if the trace has not all of it, or if a weight lies elsewhere that no noise explains: that is a fault of
 *   ours, and taking the reference's state would hide it
 */
export function referenceState(parity: ParityCase, batch: Batch, ours: TrainerSnapshot): ReferenceState | null {
  const { config, weights: first } = parity;
  const after = group(parity, 'step1.after.');
  const gradients = group(parity, 'step1.grad.');
  const latents = group(parity, 'step1.carry.');
  const table = summed(gradients.get('puzzle_emb.local_weights'), batch, ours.puzzleEmbedding.length);
  if (table) gradients.set(EMBEDDING, table);

  const own = new Map(ours.weights).set(EMBEDDING, ours.puzzleEmbedding);
  const noise: string[] = [];
  for (const [name, values] of own) {
    if (!values.length) continue;
    const reference = after.get(name);
    if (reference?.length !== values.length) return null;
    const gradient = gradients.get(name);
    const limit = gradient ? NOISE * largest(gradient) : 0;
    for (let i = 0; i < values.length; i++) {
      if (Math.abs(values[i] - reference[i]) <= WEIGHTS_NEAR) continue;
      if (!gradient || !(Math.abs(gradient[i]) < limit)) return null;
      noise.push(`${name}[${i}]`);
    }
  }
  const named = (wanted: Iterable<string>, of: (name: string) => Float32Array | undefined) => {
    const values = [...wanted].map((name) => [name, of(name)] as const);
    return values.every((entry): entry is [string, Float32Array] => entry[1] !== undefined) ? new Map(values) : null;
  };
  const scaled = (power: 1 | 2, beta: number) => (name: string) =>
    gradients.get(name)?.map((g) => Math.fround(1 - beta) * g ** power);
  const { beta1, beta2, ema_rate: rate } = config;
  const weights = named(ours.weights.keys(), (name) => after.get(name));
  const m = named(ours.m.keys(), scaled(1, beta1));
  const v = named(ours.v.keys(), scaled(2, beta2));
  const z = named(ours.latents.keys(), (name) => latents.get(name));
  const ema = named(ours.ema.keys(), (name) => {
    const [from, to] = [first.get(name), after.get(name)];
    return from && to?.map((w, i) => (1 - rate) * w + rate * from[i]);
  });
  if (!weights || !m || !v || !z || !ema) return null;
  const puzzleEmbedding = after.get(EMBEDDING)?.slice() ?? ours.puzzleEmbedding;
  return { snapshot: { ...ours, weights, m, v, ema, latents: z, puzzleEmbedding }, noise };
}

function group({ train }: ParityCase, prefix: string): Map<string, Float32Array> {
  const found = new Map<string, Float32Array>();
  for (const [key, { data }] of train) {
    if (key.startsWith(prefix)) found.set(parameterName(key.slice(prefix.length)), data as Float32Array);
  }
  return found;
}

/** The reference's gradient of the whole table: rows of the batch with the same id summed. */
function summed(rows: Float32Array | undefined, batch: Batch, size: number): Float32Array | undefined {
  if (!rows) return undefined;
  const width = rows.length / batch.size;
  const table = new Float32Array(size);
  batch.puzzle_identifiers.forEach((id, b) => {
    for (let i = 0; i < width; i++) table[id * width + i] += rows[b * width + i];
  });
  return table;
}
