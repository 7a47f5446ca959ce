/**
 * Writing step_N files that `torch.load(weights_only=True)` takes: one storage per tensor, contiguous, on the CPU. The
 * pickle holds a plain dict of `_rebuild_tensor_v2` calls, as torch.save's own does.
 */
import { writeAtomically, type WrittenFile } from '../../lib/atomic';
import { DTYPES, type WeightDtype } from './dtypes';
import { elements, type TensorInfo } from './tensor-file';
import { zipPieces, type ZipPart } from './zip-write';

/** A tensor whose bytes are made when they are written: a table may be larger than memory. */
export interface StreamedTensor extends TensorInfo {
  dtype: WeightDtype;
  /** Row-major, little-endian, in pieces of any size. Can be asked for again. */
  pieces(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

const FOLDER = 'archive';

/**
 * @param wideFrom for tests, see zip-write.ts
 * @throws file system errors; a file that was there before is then untouched
 */
export function writePytorch(
  path: string,
  tensors: ReadonlyMap<string, StreamedTensor>,
  wideFrom?: number,
): Promise<WrittenFile> {
  const text = (name: string, content: Buffer): ZipPart => ({
    name: `${FOLDER}/${name}`,
    size: content.length,
    pieces: () => [content],
  });
  const parts: ZipPart[] = [
    text('data.pkl', pickleStateDict(tensors)),
    text('byteorder', Buffer.from('little')),
    ...[...tensors.values()].map(({ dtype, shape, pieces }, key) => ({
      name: `${FOLDER}/data/${key}`,
      size: elements(shape) * DTYPES[dtype].bytes,
      pieces,
    })),
    text('version', Buffer.from('3\n')),
  ];
  return writeAtomically(path, zipPieces(parts, wideFrom));
}

function pickleStateDict(tensors: ReadonlyMap<string, TensorInfo>): Buffer {
  const out: Buffer[] = [Buffer.from([0x80, 2, 0x7d, 0x28])]; // PROTO 2, EMPTY_DICT, MARK
  let key = 0;
  for (const [name, { dtype, shape }] of tensors) {
    const strides = shape.map((_, axis) => elements(shape.slice(axis + 1)));
    out.push(
      unicode(name),
      global('torch._utils', '_rebuild_tensor_v2'),
      tuple([
        // BINPERSID
        Buffer.concat([
          tuple([
            unicode('storage'),
            global('torch', DTYPES[dtype].storage),
            unicode(String(key++)),
            unicode('cpu'),
            integer(elements(shape)),
          ]),
          Buffer.from('Q'),
        ]),
        integer(0),
        tuple(shape.map(integer)),
        tuple(strides.map(integer)),
        Buffer.from([0x89]), // requires_grad: NEWFALSE
        Buffer.concat([global('collections', 'OrderedDict'), Buffer.from(')R')]), // backward_hooks
      ]),
      Buffer.from('R'), // REDUCE
    );
  }
  out.push(Buffer.from('u.')); // SETITEMS, STOP
  return Buffer.concat(out);
}

const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);

function unicode(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.from('X\0\0\0\0');
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** BININT1, BININT2, BININT or LONG1, the shortest that holds it. */
function integer(value: number): Buffer {
  if (value < 256) return Buffer.from([0x4b, value]);
  if (value < 65_536) return Buffer.from([0x4d, value & 0xff, value >> 8]);
  const head = Buffer.alloc(value < 2 ** 31 ? 5 : 10);
  if (value < 2 ** 31) {
    head[0] = 0x4a;
    head.writeInt32LE(value, 1);
  } else {
    head[0] = 0x8a;
    head[1] = 8;
    head.writeBigInt64LE(BigInt(value), 2);
  }
  return head;
}

const tuple = (items: readonly Buffer[]): Buffer =>
  items.length ? Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]) : Buffer.from(')');
