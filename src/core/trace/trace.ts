/** One example through a checkpoint's model, ACT step by ACT step, written as a trace (shared/trace.ts). */
import { mixesBySwiglu } from '../../shared/architectures';
import type { TraceMeta } from '../../shared/trace';
import type { WrittenFile } from '../lib/atomic';
import { writeSafetensors } from '../checkpoint/formats/safetensors-write';
import { IGNORE_LABEL } from '../data/batch';
import { prefixLength } from '../model/architecture';
import { withExample, type ExampleRequest, type OpenExample } from './example';
import { traceTensors } from './trace-file';
import { traceBatch, type TraceOptions, type TraceRun } from './trace-run';

export interface TraceRequest extends ExampleRequest {
  /** null takes the config's halt_max_steps. */
  act_steps: number | null;
  inner: boolean;
  run: string;
  run_name: string;
  out: string;
}

/**
 * @param follow progress and stopping, between the steps
 * @returns null if it was stopped; no file is left behind then
 * @throws StudioError if checkpoint and dataset do not fit; file system errors
 */
export function writeTrace(
  request: TraceRequest,
  follow: Pick<TraceOptions, 'progress' | 'stopped'> = {},
): Promise<{ file: WrittenFile; meta: TraceMeta } | null> {
  return withExample(request, async (open) => {
    const { arch } = open.model.net.spec;
    const act_steps = request.act_steps ?? arch.halt_max_steps;
    const { inner } = request;
    const run = await traceBatch(open.model, open.puzzles, open.batch, { act_steps, inner, ...follow });
    if (!run) return null;
    const meta = describe(request, open, run);
    const S = open.inputs[0].length;
    const labelled = open.batch.labels.subarray(0, S).some((label) => label !== IGNORE_LABEL);
    const tensors = traceTensors(run, { inputs: open.inputs, targets: labelled ? open.labels : null });
    return { file: await writeSafetensors(request.out, tensors, { trace: JSON.stringify(meta) }), meta };
  });
}

function describe(request: TraceRequest, open: OpenExample, run: TraceRun): TraceMeta {
  const { store, model, checkpoint, batch, refs } = open;
  const { spec } = model.net;
  const { arch } = spec;
  const { example } = request;
  const labels = batch.labels.subarray(0, spec.seq_len);
  const labelled = labels.some((label) => label !== IGNORE_LABEL);
  const last = run.tokens[run.tokens.length - 1];
  const { adaptive, comparesContinue } = model.architecture.halting(arch);
  const haltsAt = (row: number): number | null => {
    const found = run.q_halt.findIndex((q, t) => q[row] > (comparesContinue ? run.q_continue[t][row] : 0));
    return found < 0 || !adaptive ? null : found + 1;
  };
  return {
    schema: 2,
    kind: store.kind,
    rows: store.rows,
    columns: store.columns,
    act_steps: run.tokens.length,
    puzzle: store.puzzleName(example),
    split: example.split,
    index: example.index,
    run: request.run,
    run_name: request.run_name,
    checkpoint_step: checkpoint.meta.step,
    weights: request.weights,
    halts_at: haltsAt(0),
    solved: labelled ? labels.every((label, s) => label === IGNORE_LABEL || label === last[s]) : null,
    vocab_size: spec.vocab_size,
    architecture: arch.name,
    halt_max_steps: arch.halt_max_steps,
    latents: run.latents,
    updates: run.updates,
    prefix: prefixLength(spec),
    heads: mixesBySwiglu(arch) ? 0 : arch.num_heads,
    views: refs.map((ref, row) => ({ puzzle: store.puzzleName(ref), example: ref, halts_at: haltsAt(row) })),
    path_explained: run.path.explained,
    views_explained: run.views?.explained ?? null,
  };
}
