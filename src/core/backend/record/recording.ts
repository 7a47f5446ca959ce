/** A function as a graph with its state, before TensorFlow has seen any of it: nothing is computed and nothing loaded. */
import type * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../native';
import { DType, Graph, shapeOf, type as typeAttr, type GraphNode, type Output } from './graph';
import type { HostTensor } from './session';
import { ResidentState, type RowTable, type TableSpec, type VariableSpec } from './state';
import { Tracer } from './tracer';

type Tensors = Record<string, tf.Tensor>;

/**
 * A function that can be recorded: it uses tfjs only, reads nothing back, and takes everything that changes from run to run
 * from its inputs or its state.
 */
export type Recordable = (
  inputs: Tensors,
  state: Tensors,
  tables: Record<string, RowTable>,
) => { outputs: Tensors; state?: Tensors };

export interface StateSpec {
  /** By name, each with its first value; null for zeros. */
  variables: Record<string, VariableSpec>;
  /** All zeros at first. */
  tables?: Record<string, TableSpec>;
}

export interface RecordOptions {
  /** Compute what stands in `lowPrecision` in bfloat16. */
  bfloat16?: boolean;
}

/** Inputs without their values. */
export type InputShapes = Record<string, Omit<HostTensor, 'values'>>;

/** One road through a graph: what goes in, what can come out. */
export interface Variant {
  feeds: Map<string, Output>;
  fetches: Map<string, Output>;
  /** Fetched where no output is asked for. */
  done: Output;
}

export class Recording {
  readonly graph = new Graph();
  readonly resident: ResidentState;
  /** In the order of `shapes`. */
  readonly variants: Variant[];

  /** @throws RecordingError if `fn` cannot be recorded for one of the shapes */
  constructor(
    private readonly backend: NativeBackend,
    private readonly fn: Recordable,
    shapes: readonly InputShapes[],
    state: StateSpec,
    private readonly options: RecordOptions,
  ) {
    this.resident = new ResidentState(this.graph, state.variables, state.tables ?? {});
    this.variants = shapes.map((inputs, i) => this.trace(inputs, `run${i || ''}`));
  }

  /** What the graph is for: all else is left out of it. */
  roots(): GraphNode[] {
    const runs = this.variants.flatMap(({ done, fetches, feeds }) => [
      done.node,
      ...[...fetches.values(), ...feeds.values()].map(({ node }) => node),
    ]);
    return [...this.resident.roots(), ...runs];
  }

  private trace(inputs: InputShapes, prefix: string): Variant {
    const { graph, resident } = this;
    const tracer = new Tracer(this.backend, graph, this.options.bfloat16 ?? false);
    const feeds = new Map<string, Output>();
    for (const [name, { dtype, shape }] of Object.entries(inputs)) {
      const attrs = { dtype: typeAttr(DType[dtype]), shape: shapeOf(shape) };
      const outputs = [{ dtype: DType[dtype], shape }];
      feeds.set(name, graph.node('Placeholder', [], attrs, outputs, { name: `${prefix}/in/${name}` }).outputs[0]);
    }
    return tracer.run(() => {
      const fed = Object.fromEntries([...feeds].map(([name, output]) => [name, tracer.tensor(output)]));
      const tables = resident.rowTables(tracer);
      const result = this.fn(fed, resident.tensors(tracer), tables.byName);
      const fetches = new Map<string, Output>();
      for (const [name, tensor] of Object.entries(result.outputs)) {
        const value = tracer.outputOf(tensor);
        const output = graph.cast(value, value.dtype === DType.bfloat16 ? DType.float32 : value.dtype);
        const node = graph.node('Identity', [output], { T: typeAttr(output.dtype) }, [output], {
          name: `${prefix}/out/${name}`,
        });
        fetches.set(name, node.outputs[0]);
      }
      const roots = resident.changes(result.state ?? {}, tables.scattered, tracer, prefix);
      const zero = graph.constant({ dtype: DType.int32, shape: [], data: new Uint8Array(4) });
      const done = graph.node('Identity', [zero], { T: typeAttr(DType.int32) }, [zero], {
        name: `${prefix}/done`,
        control: roots,
      });
      // Tensors that the function keeps from tidying are its results: they go with the tracing.
      for (const tensor of [...Object.values(result.outputs), ...Object.values(result.state ?? {})]) tensor.dispose();
      return { feeds, fetches, done: done.outputs[0] };
    });
  }
}
