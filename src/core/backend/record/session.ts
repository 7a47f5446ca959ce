/** A TensorFlow session with a graph of ours in it: loading, running, and counting what crosses its border. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../../lib/alive';
import type { NativeBackend } from '../native';
import { savedModel, DType, type Graph, type GraphNode, type Output } from './graph';

export type Values = Float32Array | Int32Array | Uint8Array;

/** Numbers on the host with their shape; bools are bytes. */
export interface HostTensor {
  dtype: 'float32' | 'int32' | 'bool';
  shape: readonly number[];
  values: Values;
}

/** Bytes over the border of a session, and tensor handles used, since it was loaded. */
export interface Traffic {
  bytesIn: number;
  bytesOut: number;
  runs: number;
}

export class Session {
  readonly traffic: Traffic = { bytesIn: 0, bytesOut: 0, runs: 0 };
  /** Of the written graph. */
  readonly graphBytes: number;
  private readonly id: number;
  private closed = false;

  /** @throws what TensorFlow says if it does not take the graph */
  constructor(
    private readonly backend: NativeBackend,
    graph: Graph,
    roots: readonly GraphNode[],
  ) {
    const bytes = savedModel(graph.needed(roots));
    this.graphBytes = bytes.length;
    removeAbandoned();
    const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
    try {
      writeFileSync(join(folder, 'saved_model.pb'), bytes);
      this.id = backend.binding.loadSavedModel(folder, 'serve');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Runs what the fetched outputs need. @param feeds by placeholder */
  run(feeds: readonly { at: Output; tensor: HostTensor }[], fetches: readonly Output[]): Values[] {
    if (this.closed) throw new Error('this session is closed');
    const { binding } = this.backend;
    const ids: number[] = [];
    try {
      for (const { tensor } of feeds) {
        ids.push(binding.createTensor(tensor.shape, DType[tensor.dtype], tensor.values));
        this.traffic.bytesIn += tensor.values.byteLength;
      }
      const made = binding.runSavedModel(this.id, ids, namesOf(feeds.map(({ at }) => at)), namesOf(fetches));
      ids.push(...made.map(({ id }) => id));
      this.traffic.runs++;
      return made.map(({ id }) => {
        const values = binding.tensorDataSync(id) as Values;
        this.traffic.bytesOut += values.byteLength;
        return values;
      });
    } finally {
      ids.forEach((id) => binding.deleteTensor(id));
    }
  }

  /** Frees the graph and all that lives in it. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.backend.binding.deleteSavedModel(this.id);
  }
}

const namesOf = (outputs: readonly Output[]): string =>
  outputs.map(({ node, index }) => `${node.name}:${index}`).join(',');

const PREFIX = 'trm-graph-';

/** Graphs of processes that were killed while TensorFlow read them. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(name.startsWith(PREFIX) ? name.slice(PREFIX.length).split('-')[0] : NaN);
    if (Number.isInteger(pid) && pid > 0 && !isAlive(pid))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
