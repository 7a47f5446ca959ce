/** Reads event files back, for the tests: frames with both checksums, and the few fields that are written. */
import { maskedCrc32c } from '../../src/core/export/crc32c';

export interface ReadEvent {
  wall: number;
  step: number;
  version?: string;
  start?: boolean;
  values: Record<string, number>;
}

/** @throws Error at a frame that is cut off or whose checksum is wrong */
export function readEvents(bytes: Uint8Array): ReadEvent[] {
  const buffer = Buffer.from(bytes);
  const events: ReadEvent[] = [];
  for (let at = 0; at < buffer.length;) {
    const length = Number(buffer.readBigUInt64LE(at));
    if (buffer.readUInt32LE(at + 8) !== maskedCrc32c(buffer.subarray(at, at + 8))) throw new Error('length checksum');
    const data = buffer.subarray(at + 12, at + 12 + length);
    if (data.length !== length) throw new Error('cut off');
    if (buffer.readUInt32LE(at + 12 + length) !== maskedCrc32c(data)) throw new Error('data checksum');
    events.push(readEvent(data));
    at += length + 16;
  }
  return events;
}

function readEvent(data: Buffer): ReadEvent {
  const event: ReadEvent = { wall: NaN, step: 0, values: {} };
  for (const [field, value] of fields(data)) {
    if (field === 1) event.wall = (value as Buffer).readDoubleLE(0);
    if (field === 2) event.step = value as number;
    if (field === 3) event.version = (value as Buffer).toString();
    if (field === 7) event.start = (value as Buffer).equals(Buffer.from([8, 1]));
    if (field === 5) {
      for (const [, message] of fields(value as Buffer)) {
        const parts = new Map(fields(message as Buffer));
        event.values[(parts.get(1) as Buffer).toString()] = (parts.get(2) as Buffer).readFloatLE(0);
      }
    }
  }
  return event;
}

function fields(data: Buffer): [number, number | Buffer][] {
  const found: [number, number | Buffer][] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = data[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < data.length) {
    const key = varint();
    const type = key % 8;
    const size = type === 1 ? 8 : type === 5 ? 4 : 0;
    if (type === 0) found.push([Math.floor(key / 8), varint()]);
    else {
      const length = size || varint();
      found.push([Math.floor(key / 8), data.subarray(at, at + length)]);
      at += length;
    }
  }
  return found;
}
