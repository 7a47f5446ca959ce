/**
 * A trace: what a model did with one example, ACT step by ACT step and, if asked for, update by update inside of each.
 * Written once by the compute process as a safetensors file, whatever asked for it (a checkpoint's playback, an
 * evaluation, a solution); playback reads it and computes nothing. `__metadata__.trace` holds TraceMeta as JSON.
 *
 * T ACT steps, S = rows · columns cells, V tokens, U updates inside a step, N views (the example itself is view 0).
 * Z stands for the name of each latent of `meta.latents`.
 *
 * | tensor | type, shape | |
 * |---|---|---|
 * | input, target | U8 [S] | target: 0 where unknown; absent if there is none |
 * | tokens.Z | U8 [T, S] | argmax of the latent decoded by lm_head |
 * | confidence.Z, entropy.Z | F32 [T, S] | p of that token; −Σ p ln p in nats; p by the model's own softmax or stablemax |
 * | change.Z | F32 [T] | RMS distance of the latent to the step before |
 * | probabilities | U8 [T, S, V] | round(255 · p), of the output latent |
 * | q_halt, q_continue | F32 [T] | logits |
 * | distances | F32 [T + 1, T + 1] | RMS distance of the output latent between any two steps, row 0 the start |
 * | path | F32 [P, 2] | the output latent on its two principal axes, in RMS units: the start, then each of its writes; the axes are those of the writes |
 * | inner.tokens | U8 [T, U, S] | the latent that update u wrote, decoded |
 * | inner.confidence, inner.entropy | F32 [T, U, S] | |
 * | inner.change | F32 [T, U] | RMS distance of that latent to what it was before |
 * | views.input, views.target | U8 [N, S] | each view in its own frame; views only where N > 1 |
 * | views.tokens, views.confidence | U8 [N, T, S] | confidence as round(255 · p) |
 * | views.q_halt | F32 [N, T] | |
 * | views.path | F32 [N, T + 1, 2] | the output latent averaged over the tokens, on the axes of all views together |
 *
 * Schema 1 had `tokens`, `confidence`, `z_H_change` and `q_halt` alone; `readTrace` of the window still opens it.
 */
import { z } from 'zod';
import type { PuzzleKind } from './arc';
import type { ExampleRef } from './dataset';
import { schemaVersion } from './schema-version';

/** H ends a cycle, L refines inside of it. */
export interface TraceUpdate {
  level: 'H' | 'L';
  latent: string;
}

export interface TraceView {
  /** With its augmentation, e.g. "00d62c1b|||t3|||0287391456". */
  puzzle: string;
  example: ExampleRef;
  /** As in the trace's own meta. */
  halts_at: number | null;
}

interface TraceBase {
  kind: PuzzleKind;
  rows: number;
  columns: number;
  act_steps: number;
  /** The puzzle's name in identifiers.json, e.g. "00d62c1b"; for puzzles without names "test 17". */
  puzzle: string;
  split: 'train' | 'test';
  index: number;
  /** Empty where no training run stands behind it. */
  run: string;
  run_name: string;
  checkpoint_step: number;
  weights: 'ema' | 'raw';
  /** The step at which training would have halted, exploration aside, or null. */
  halts_at: number | null;
  /** True if every labelled cell of the last step is right; null without a target. */
  solved: boolean | null;
}

export interface TraceMeta1 extends TraceBase {
  schema: 1;
}

export interface TraceMeta extends TraceBase {
  schema: 2;
  /** V */
  vocab_size: number;
  /** `arch.name` */
  architecture: string;
  /** ACT steps that training takes at most; a trace may go on beyond. */
  halt_max_steps: number;
  /** The output first: logits and halting are read from it. */
  latents: string[];
  /** The updates inside a step in their order; empty if they were not asked for. */
  updates: TraceUpdate[];
  /** Prefix tokens before the cells, which hold the puzzle embedding. */
  prefix: number;
  /** Attention heads; 0 where tokens are mixed by an MLP instead. */
  heads: number;
  /** View 0 is the example itself; one view or none means that it has no others. */
  views: TraceView[];
  /** Share of the variance that each axis of `path` and of `views.path` shows. */
  path_explained: [number, number];
  views_explained: [number, number] | null;
}

const count = z.number().int().min(0);
const side = count.min(1).max(1000);

/** What a reader counts by. The rest is shown as it is. */
const FactsSchema = z.looseObject({
  kind: z.enum(['arc', 'sudoku', 'maze']),
  rows: side,
  columns: side,
  act_steps: count.min(1).max(100_000),
  puzzle: z.string(),
});
const SecondSchema = FactsSchema.extend({
  schema: z.literal(2),
  vocab_size: count.min(1).max(256),
  latents: z.array(z.string()).min(1).max(16),
  updates: z.array(z.looseObject({ level: z.enum(['H', 'L']), latent: z.string() })).max(10_000),
  prefix: count,
  heads: count,
  views: z.array(z.looseObject({ puzzle: z.string() })).max(10_000),
});
const MetaSchema = z.discriminatedUnion('schema', [FactsSchema.extend({ schema: z.literal(1) }), SecondSchema]);

/**
 * What a trace file says of itself.
 * @param text `trace` of the file's metadata
 * @returns the format's number where a later app wrote it, null where it says nothing that can be read by
 */
export function parseTraceMeta(text: string | undefined): TraceMeta | TraceMeta1 | { later: number } | null {
  let said: unknown;
  try {
    said = JSON.parse(text ?? '');
  } catch {
    return null;
  }
  const schema = schemaVersion(said);
  if (schema !== null && schema > 2) return { later: schema };
  return MetaSchema.safeParse(said).success ? (said as TraceMeta | TraceMeta1) : null;
}

/** Where the tokens of one cell look during one ACT step: exact, made on demand. */
export interface AttentionMap {
  /** ACT step, from 0. */
  step: number;
  /** Cell whose token looks, 0 … S − 1. */
  cell: number;
  prefix: number;
  heads: number;
  /** The updates of the step in their order, and how many layers each runs through. */
  updates: (TraceUpdate & { layers: number })[];
  /** Update by update [layers, heads, prefix + S], one behind the other; each row of prefix + S sums to 1. */
  weights: Float32Array;
}
