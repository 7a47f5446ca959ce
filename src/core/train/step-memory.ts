/** How much memory a recorded step takes, and how large a part of the batch may be for it to fit. */
import { prefixTokens } from '../../shared/architectures';
import { attentionBudget, currentDevice, type Device } from '../backend/device';
import { RecordingError } from '../backend/record/record';
import { kernelNodes, memoryOf, workOf, type Work } from '../backend/record/cost';
import type { GraphNode, Output } from '../backend/record/graph';
import { savedModel } from '../backend/record/graph';
import { totalLength } from '../model/architecture';
import { partsOf } from './parts';
import { planStep, type RecordedSetup } from './recorded-step';

/** Bytes by what they are for. */
export interface StepMemory {
  weights: number;
  /** AdamATan2's. */
  moments: number;
  average: number;
  /** Sums of the parts' gradients; 0 where the batch is computed at once. */
  gradients: number;
  /** The puzzle embedding; its optimizer keeps none. */
  embedding: number;
  /** What rows carry from step to step; in parts, before and after the step. */
  latents: number;
  /** All that a part computes, at its fullest; without `attention`. */
  activations: number;
  /** [T, T] tensors at that moment. */
  attention: number;
  /** The graph itself, here and in TensorFlow, with what it compiles of it; on a GPU that lies in the host's memory. */
  graph: number;
}

export interface StepPlan {
  /** Rows computed at once. */
  part: number;
  memory: StepMemory;
  peak_bytes: number;
  nodes: number;
  kernel_nodes: number;
  graph_bytes: number;
  /** Seconds that recording took here. */
  record_s: number;
  /** Of a whole step, all its parts. */
  work: Work;
}

/** What TensorFlow holds for a graph of n nodes: measured with models whose tensors are nothing beside it. */
const graphMemory = (nodes: number): number => 40e6 + 23e3 * nodes;

/** Above this TensorFlow's own optimisation of a graph takes minutes. */
const MOST_NODES = 15_000;
/** Parts of attention in one part of the batch: each is some 450 nodes of a step. */
const MOST_ATTENTION_PARTS = 24;

/** What a step may fill: the rest is the driver's, TensorFlow's workspaces, the system's and this program's. */
export const usableBytes = ({ kind, bytes }: Device = currentDevice()): number =>
  kind === 'gpu' ? 0.88 * bytes : 0.75 * bytes;

const sum = (sizes: Iterable<readonly number[]>): number =>
  4 * [...sizes].reduce((all, shape) => all + shape.reduce((a, b) => a * b, 1), 0);

/** Records the step for the present device, without loading it, and counts. */
export function measurePlan(setup: RecordedSetup): StepPlan {
  const { program, shapes, rows, part } = setup;
  const B = program.config.global_batch_size;
  const T = totalLength(program.spec);
  const begin = performance.now();
  const recording = planStep(setup);
  const { graph, variants } = recording;
  const all = graph.needed(recording.roots());
  const graphBytes = savedModel(all).length;
  const seconds = (performance.now() - begin) / 1000;
  const isSquare = ({ shape }: Output) => shape.length > 2 && shape.at(-1) === T && shape.at(-2) === T;
  const runs = variants.map(({ done, fetches }) => {
    const own = graph.needed([done.node, ...[...fetches.values()].map(({ node }) => node)]);
    return { own, ...memoryOf(own, isSquare) };
  });
  const fullest = runs.reduce((a, b) => (b.peak > a.peak ? b : a));
  const inParts = part < B;
  const latents = sum(shapes.latents.values());
  const memory: StepMemory = {
    weights: sum(shapes.weights.values()),
    moments: sum(shapes.m.values()) + sum(shapes.v.values()),
    average: sum(shapes.ema.values()),
    gradients: inParts ? sum(shapes.m.values()) : 0,
    embedding: 4 * rows * program.spec.arch.puzzle_emb_ndim,
    latents: inParts ? 2 * latents : latents,
    activations: fullest.peak - fullest.chosen,
    attention: fullest.chosen,
    graph: currentDevice().kind === 'cpu' ? graphMemory(all.length) : 0,
  };
  return {
    part,
    memory,
    peak_bytes: Object.values(memory).reduce<number>((a, b) => a + (b as number), 0),
    nodes: all.length,
    kernel_nodes: kernelNodes(all),
    graph_bytes: graphBytes,
    record_s: seconds,
    work: wholeWork(
      B,
      part,
      runs.map(({ own }) => own),
    ),
  };
}

/** Runs are parts by size and then the update, or all of a step in one. */
function wholeWork(B: number, part: number, runs: readonly (readonly GraphNode[])[]): Work {
  const parts = partsOf(B, part);
  const sizes = [...new Set(parts.map(({ size }) => size))];
  const times = runs.map((_, i) => (i < sizes.length ? parts.filter(({ size }) => size === sizes[i]).length : 1));
  return runs
    .map(workOf)
    .reduce(
      (all, { flops, bytes }, i) => ({ flops: all.flops + times[i] * flops, bytes: all.bytes + times[i] * bytes }),
      { flops: 0, bytes: 0 },
    );
}

/** Rows at most for which the graph stays small enough for TensorFlow. */
function startingPart({ program }: RecordedSetup): number {
  const { spec, config } = program;
  const each = 4 * spec.arch.num_heads * totalLength(spec) ** 2;
  const most = Math.floor((MOST_ATTENTION_PARTS * attentionBudget().part) / each);
  return evenPart(config.global_batch_size, Math.max(1, most));
}

/**
 * A part of at most `most` rows: one that divides the batch where that is not much less, since parts of two sizes are two
 * graphs; else what `partsOf` makes of it.
 */
function evenPart(rows: number, most: number): number {
  if (most >= rows) return rows;
  for (let size = most; size > most / 2; size--) if (rows % size === 0) return size;
  return partsOf(rows, most)[0].size;
}

/** Far more than a step can take: what is below it needs no count. */
function generousBytes({ program, shapes, rows }: RecordedSetup): number {
  const { spec, config } = program;
  const { hidden_size: D, expansion, num_heads, L_cycles, L_layers, H_layers, puzzle_emb_ndim } = spec.arch;
  const T = prefixTokens(spec.arch) + spec.seq_len;
  const tokens = config.global_batch_size * T;
  const blocks = (L_cycles + 1) * (L_layers + H_layers);
  const { part, keep } = attentionBudget();
  const weights = Math.min(keep, 4 * config.global_batch_size * num_heads * T * T);
  const activations = blocks * (4 * tokens * (16 * D + 8 * (D * expansion + 256)) + weights) + 8 * part;
  const resident = [shapes.weights, shapes.m, shapes.v, shapes.ema, shapes.latents].map((group) => sum(group.values()));
  return 2 * resident.reduce((a, b) => a + b, 0) + 4 * rows * puzzle_emb_ndim + 2 * activations;
}

/**
 * The largest part of the batch that this device has memory for, and whether even that is too much. The same from start to
 * start: it follows from the device's whole memory.
 * @param asked rows that the config asks for; 0 leaves it to the memory
 */
export function choosePart(setup: Omit<RecordedSetup, 'part'>, asked: number): number {
  const B = setup.program.config.global_batch_size;
  if (asked > 0) return Math.min(asked, B);
  const start = startingPart({ ...setup, part: B });
  if (start === B && generousBytes({ ...setup, part: B }) < usableBytes() / 4) return B;
  try {
    return fittingPlan({ ...setup, part: start }).part;
  } catch (error) {
    // Who is to run the step finds the same, and says so.
    if (error instanceof RecordingError) return B;
    throw error;
  }
}

/** @param setup with the largest part to try */
export function fittingPlan(setup: RecordedSetup): StepPlan & { fits: boolean } {
  const B = setup.program.config.global_batch_size;
  let { part } = setup;
  for (;;) {
    const plan = measurePlan({ ...setup, part });
    const { activations, attention } = plan.memory;
    const used = activations + attention;
    const room = usableBytes() - (plan.peak_bytes - used);
    const fits = used <= room && plan.nodes <= MOST_NODES;
    if (fits || part === 1) return { ...plan, fits: used <= room };
    const share = Math.min(room / used, MOST_NODES / plan.nodes, 0.95);
    part = evenPart(B, Math.max(1, Math.min(part - 1, Math.floor(part * Math.max(0, share)))));
  }
}

/** Rows that fit at once, `most` of them at most; null if not even one does. */
export function fittingPart(setup: RecordedSetup, most: number): number | null {
  try {
    const { part, fits } = fittingPlan({ ...setup, part: evenPart(setup.program.config.global_batch_size, most) });
    return fits ? part : null;
  } catch (error) {
    if (error instanceof RecordingError) return most;
    throw error;
  }
}

/** The step as it would run here: with the config's part, or the largest that fits. */
export function planFor(setup: Omit<RecordedSetup, 'part'>, asked: number): StepPlan & { fits: boolean } {
  const B = setup.program.config.global_batch_size;
  if (asked === 0) return fittingPlan({ ...setup, part: startingPart({ ...setup, part: B }) });
  const plan = measurePlan({ ...setup, part: Math.min(asked, B) });
  return { ...plan, fits: plan.peak_bytes <= usableBytes() };
}
