/** Safetensors files that are either whole or not there. */
import { writeAtomically, type WrittenFile } from '../../lib/atomic';
import { encodeHeader, encodeShapes, type NamedTensor, type TensorShape } from './safetensors';

/** A safetensors file, written atomically. */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Record<string, string>,
  folder: 'make' | 'there' = 'make',
): Promise<WrittenFile> {
  function* pieces(): Generator<Uint8Array> {
    yield encodeHeader(tensors, metadata);
    for (const { data } of tensors.values()) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  return writeAtomically(path, pieces(), folder);
}

/** A tensor whose bytes are made when they are written: a table may be larger than memory. */
export interface StreamedShape extends TensorShape {
  /** Row-major, little-endian, in pieces of any size. Can be asked for again. */
  pieces(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** A safetensors file of tensors that come in pieces, written atomically. */
export function streamSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StreamedShape>,
  metadata: Record<string, string>,
): Promise<WrittenFile> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield encodeShapes(tensors, metadata);
    for (const [name, tensor] of tensors) {
      let bytes = 0;
      for await (const piece of tensor.pieces()) {
        bytes += piece.byteLength;
        yield piece;
      }
      if (bytes !== tensor.bytes) throw new Error(`${name} has ${bytes} bytes, not ${tensor.bytes}`);
    }
  }
  return writeAtomically(path, pieces());
}
