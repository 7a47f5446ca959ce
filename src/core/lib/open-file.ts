/** Positioned reads, so that of a file of gigabytes only what is asked for is read. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { StudioError } from '../../shared/errors';

export interface ByteSource {
  /** How it is called in sentences: the path. */
  readonly path: string;
  readonly size: number;
  /** Fills `into` from `position`. @throws StudioError `damaged` if the bytes are not all there */
  read(into: Uint8Array, position: number): void;
  close(): void;
}

/** One read call takes less than 2 GiB on every platform. */
const MAX_PIECE = 2 ** 26;

/** @throws the file system's error, with its path; StudioError `bad_input` for a folder */
export function openFile(path: string): ByteSource {
  const fd = openSync(path, 'r');
  const stat = fstatSync(fd);
  if (!stat.isFile()) {
    closeSync(fd);
    throw new StudioError('bad_input', `${path} is not a file: choose the checkpoint file itself, such as step_1000.`);
  }
  let open = true;
  return {
    path,
    size: stat.size,
    read(into, position) {
      if (!(position >= 0) || position + into.byteLength > stat.size) throw endsEarly(path);
      for (let at = 0; at < into.byteLength;) {
        const count = readSync(fd, into, at, Math.min(MAX_PIECE, into.byteLength - at), position + at);
        // It was cut while it was open.
        if (count === 0) throw endsEarly(path);
        at += count;
      }
    },
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/** Bytes in memory as a source. */
export function fromBytes(bytes: Uint8Array, path: string): ByteSource {
  return {
    path,
    size: bytes.byteLength,
    read(into, position) {
      if (!(position >= 0) || position + into.byteLength > bytes.byteLength) throw endsEarly(path);
      into.set(bytes.subarray(position, position + into.byteLength));
    },
    close: () => undefined,
  };
}

const endsEarly = (path: string): StudioError =>
  new StudioError('damaged', `${path} ends early: it is cut off. Copy it again, or use another one.`);

export function readBytes(source: ByteSource, position: number, length: number): Buffer {
  if (!(length >= 0) || position + length > source.size) throw endsEarly(source.path);
  const bytes = Buffer.alloc(length);
  source.read(bytes, position);
  return bytes;
}
