/**
 * What TensorFlow writes down of a traced run: the few fields of `RunMetadata` (config.proto, step_stats.proto,
 * graph.proto) that a profile needs, read straight from the bytes.
 */

/** One op that ran. */
export interface OpRun {
  name: string;
  /** As the executed graph has it, after TensorFlow's own rewriting. */
  op: string;
  /** E.g. `/device:CPU:0` */
  device: string;
  /** In its kernel. */
  ms: number;
}

type Field = { field: number; value: bigint; bytes: Uint8Array };

function* fieldsOf(message: Uint8Array): Generator<Field> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const none = new Uint8Array(0);
  while (at < message.length) {
    const key = Number(varint());
    const field = key >>> 3;
    const kind = key & 7;
    if (kind === 0) yield { field, value: varint(), bytes: none };
    else if (kind === 2) {
      const length = Number(varint());
      yield { field, value: 0n, bytes: message.subarray(at, at + length) };
      at += length;
    } else {
      const size = kind === 1 ? 8 : 4;
      yield { field, value: size === 8 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true)), bytes: none };
      at += size;
    }
  }
}

const all = (message: Uint8Array, field: number): Uint8Array[] =>
  [...fieldsOf(message)].filter((f) => f.field === field).map(({ bytes }) => bytes);
const text = (message: Uint8Array, field: number): string => Buffer.from(all(message, field)[0] ?? []).toString();
const number = (message: Uint8Array, field: number): number =>
  Number(BigInt.asIntN(64, [...fieldsOf(message)].find((f) => f.field === field)?.value ?? 0n));

const shortDevice = (device: string): string => /\/device:\w+:\d+$/.exec(device)?.[0] ?? device;

/** @param metadata a RunMetadata of a run with `FULL_TRACE` and `output_partition_graphs` */
export function readRunMetadata(metadata: Uint8Array): OpRun[] {
  const ops = new Map<string, string>();
  for (const graph of all(metadata, 3)) for (const node of all(graph, 1)) ops.set(text(node, 1), text(node, 2));
  return all(metadata, 1)
    .flatMap((stats) => all(stats, 1))
    .flatMap((device) =>
      all(device, 2).map((node) => {
        const name = text(node, 1);
        // op_start_rel_nanos and op_end_rel_nanos
        const ms = (number(node, 15) - number(node, 14)) / 1e6;
        return { name, op: ops.get(name) ?? 'other', device: shortDevice(text(device, 1)), ms };
      }),
    );
}

/** Ops of one kind on one device in one step. */
export interface OpTotal {
  op: string;
  device: string;
  count: number;
  ms: number;
}

export interface StepProfile {
  /** Median of steps without tracing. */
  step_ms: number;
  /** The largest first; several threads may run ops at a time, so that their sum can exceed the step. */
  ops: OpTotal[];
}

/** @param runs how many steps `ops` are of */
export function summarise(ops: readonly OpRun[], runs: number, stepMs: number): StepProfile {
  const totals = new Map<string, OpTotal>();
  for (const { op, device, ms } of ops) {
    const key = `${op} ${device}`;
    const total = totals.get(key) ?? { op, device, count: 0, ms: 0 };
    totals.set(key, { ...total, count: total.count + 1 / runs, ms: total.ms + ms / runs });
  }
  const list = [...totals.values()].map((total) => ({ ...total, count: Math.round(total.count) }));
  return { step_ms: stepMs, ops: list.sort((a, b) => b.ms - a.ms) };
}
