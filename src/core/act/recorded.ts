/**
 * ACT steps without learning as a recorded graph. Graphs are kept for the next batch of the same shape, whatever asks for
 * it: evaluations, traces, solving. Weights are uploaded when they are others than before.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { runsInBfloat16 } from '../backend/bfloat16';
import { nativeBackend } from '../backend/native';
import { record, type CompiledFn, type HostTensor, type Recordable, type StateSpec } from '../backend/record/record';
import type { Batch } from '../data/batch';
import type { Latents } from '../model/architecture';
import { totalLength } from '../model/architecture';
import { resetLatents } from './forward';
import { actOutputs, type ActOutput, type ActValues, type Evaluated, type Stepper } from './act-step';

const OUTPUTS: readonly ActOutput[] = ['tokens', 'rows', 'logits', 'confidence', 'change'];

/** Graphs kept at most: the evaluation's, its last batch's, the pinned examples' and a trace's. */
const KEPT = 4;

const graphs = new Map<string, EvaluationGraph>();
/** Models whose graph TensorFlow did not take: they run eagerly. */
const refused = new Set<string>();

/** The graph for this model and B rows, or null where it has to run eagerly. */
export function evaluationGraph(model: Evaluated, B: number): EvaluationGraph | null {
  if (model.execution === 'eager' || !nativeBackend()) return null;
  const { architecture, net } = model;
  const key = JSON.stringify([architecture.name, net.spec, B]);
  if (refused.has(key)) return null;
  const known = graphs.get(key);
  try {
    const graph = known ?? new EvaluationGraph(model, B);
    graph.use(model);
    // The newest is last.
    graphs.delete(key);
    graphs.set(key, graph);
    for (const [old, { dispose }] of [...graphs].slice(0, -KEPT)) {
      dispose();
      graphs.delete(old);
    }
    return graph;
  } catch (error) {
    refused.add(key);
    process.stderr.write(`Evaluation runs op by op: ${String(error)}\n`);
    return null;
  }
}

/** Frees every kept graph. */
export function disposeEvaluationGraphs(): void {
  for (const { dispose } of graphs.values()) dispose();
  graphs.clear();
}

class EvaluationGraph {
  private readonly compiled: CompiledFn;
  /** Of the weights in the graph. */
  private tensors: number[] = [];
  /** [B, T, D] */
  private readonly latent: number[];
  /** The model that asked last. Its tables are alive when another variant is recorded; those of earlier ones may be gone. */
  private current: Evaluated;

  constructor(
    model: Evaluated,
    private readonly B: number,
  ) {
    const { architecture, net } = model;
    const { spec } = net;
    const z = [B, totalLength(spec), spec.arch.hidden_size];
    this.latent = z;
    this.current = model;
    const variables: StateSpec['variables'] = {};
    for (const { name, shape } of architecture.parameters(spec)) {
      variables[`weights/${name}`] = { dtype: 'float32', shape, values: null };
    }
    for (const { name } of architecture.latents(spec)) {
      variables[`latents/${name}`] = { dtype: 'float32', shape: z, values: null };
    }
    const bfloat16 = runsInBfloat16(spec.arch.forward_dtype);
    const cells = { dtype: 'int32', shape: [B, spec.seq_len] } as const;
    const width = spec.arch.puzzle_emb_ndim;
    const inputs: Record<string, Omit<HostTensor, 'values'>> = {
      tokens: cells,
      labels: cells,
      reset: { dtype: 'bool', shape: [B, 1, 1] },
      ...(width ? { puzzleRows: { dtype: 'float32', shape: [B, width] } } : {}),
    };
    this.compiled = record(
      recordableStep(() => this.current),
      inputs,
      { variables },
      { bfloat16 },
    );
  }

  /** Uploads the model's weights unless they are in the graph already. */
  use(model: Evaluated): void {
    this.current = model;
    const { architecture, net } = model;
    const tensors = architecture.parameters(net.spec).map(({ name }) => [name, net.weights[name]] as const);
    const ids = tensors.map(([, tensor]) => tensor.id);
    if (ids.every((id, i) => id === this.tensors[i])) return;
    const values = tensors.map(([name, tensor]) => [`weights/${name}`, tensor.dataSync() as Float32Array] as const);
    this.compiled.write(new Map(values));
    this.tensors = ids;
  }

  start(batch: Batch, rows: Float32Array | null): Stepper {
    const { B, compiled, latent } = this;
    const seq_len = batch.inputs.length / B;
    const int = (values: Int32Array): HostTensor => ({ dtype: 'int32', shape: [B, seq_len], values });
    let first = 1;
    return {
      step: (read, noise): ActValues => {
        const inputs: Record<string, HostTensor> = {
          tokens: int(batch.inputs),
          labels: int(batch.labels),
          reset: { dtype: 'bool', shape: [B, 1, 1], values: new Uint8Array(B).fill(first) },
          ...(rows ? { puzzleRows: { dtype: 'float32', shape: [B, rows.length / B], values: rows } } : {}),
          // With noise it is another graph: one without does not wait for zeros.
          ...(noise ? { noise: { dtype: 'float32', shape: latent, values: noise } } : {}),
        };
        first = 0;
        return compiled.run(inputs, { fetch: read });
      },
      dispose: () => undefined,
    };
  }

  dispose = (): void => this.compiled.dispose();
}

function recordableStep(current: () => Evaluated): Recordable {
  return (inputs, state) => {
    const { architecture, net } = current();
    const weights = Object.fromEntries(
      architecture.parameters(net.spec).map(({ name }) => [name, state[`weights/${name}`]]),
    );
    const latents = Object.fromEntries(
      architecture.latents(net.spec).map(({ name }) => [name, state[`latents/${name}`] as Tensor3D]),
    ) as Latents;
    const started = resetLatents({ architecture, spec: net.spec }, weights, latents, inputs.reset as Tensor3D);
    const feeds = {
      tokens: inputs.tokens as Tensor2D,
      labels: inputs.labels as Tensor2D,
      puzzleRows: (inputs.puzzleRows as Tensor2D | undefined) ?? null,
      noise: (inputs.noise as Tensor3D | undefined) ?? null,
    };
    const model = { architecture, net: { ...net, weights } };
    const { latents: next, outputs } = actOutputs(model, started, feeds, OUTPUTS);
    const after = Object.entries(next).map(([name, tensor]) => [`latents/${name}`, tensor] as const);
    return { outputs: outputs as Record<string, tf.Tensor>, state: Object.fromEntries(after) };
  };
}
