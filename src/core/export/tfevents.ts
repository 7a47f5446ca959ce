/**
 * TensorBoard's event files: TFRecord frames around Event messages (tensorboard/compat/proto/event.proto and
 * summary.proto), of which scalars, the file's version and the start of a session are written.
 */
import { maskedCrc32c } from './crc32c';

const VERSION = 'brain.Event:2';

/** The name that TensorBoard looks for; files of a folder are read in the order of their names. */
export function eventFileName(at: Date, host: string, suffix: string): string {
  const seconds = String(Math.floor(at.getTime() / 1000)).padStart(10, '0');
  return `events.out.tfevents.${seconds}.${host.replace(/[^\w.-]+/g, '-') || 'host'}.${suffix}`;
}

/** The first record of every file. @param wallTime seconds since 1970 */
export function versionRecord(wallTime: number): Uint8Array {
  return record([...double(1, wallTime), ...text(3, VERSION)]);
}

/**
 * Says that what follows begins at `step`: TensorBoard then drops what earlier files have from that step on, which is what
 * a run that goes on from a checkpoint repeats.
 */
export function sessionStartRecord(wallTime: number, step: number): Uint8Array {
  const start = [0x08, 1]; // SessionLog.status = START
  return record([...double(1, wallTime), ...int64(2, step), ...bytes(7, start)]);
}

/** Several scalars of one step. Values become float32, as TensorBoard's are; NaN and infinities are kept. */
export function scalarsRecord(wallTime: number, step: number, values: Iterable<readonly [string, number]>): Uint8Array {
  const summary: number[] = [];
  for (const [tag, value] of values) {
    const message = [...text(1, tag), ...float(2, value)];
    for (const byte of bytes(1, message)) summary.push(byte);
  }
  return record([...double(1, wallTime), ...int64(2, step), ...bytes(5, summary)]);
}

/** Length (uint64, little-endian), its checksum, the data, their checksum. */
export function record(data: readonly number[]): Uint8Array {
  const framed = new Uint8Array(data.length + 16);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(framed.subarray(0, 8)), true);
  framed.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(framed.subarray(12, 12 + data.length)), true);
  return framed;
}

// Protocol buffers' wire format: key = field · 8 + type, where 0 is a varint, 1 is 8 bytes, 2 has a length, 5 is 4 bytes.

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80);
  out.push(rest);
  return out;
}

const int64 = (field: number, value: number): number[] => [field * 8, ...varint(value)];

function double(field: number, value: number): number[] {
  const out = new DataView(new ArrayBuffer(8));
  out.setFloat64(0, value, true);
  return [field * 8 + 1, ...new Uint8Array(out.buffer)];
}

function float(field: number, value: number): number[] {
  const out = new DataView(new ArrayBuffer(4));
  out.setFloat32(0, value, true);
  return [field * 8 + 5, ...new Uint8Array(out.buffer)];
}

const bytes = (field: number, value: readonly number[]): number[] => [field * 8 + 2, ...varint(value.length), ...value];

const text = (field: number, value: string): number[] => bytes(field, [...new TextEncoder().encode(value)]);
