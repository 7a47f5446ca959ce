/** Files packed by gzip: JSON and tables at once, lines and tar archives as they come. */
import { Readable } from 'node:stream';
import { createGunzip, gunzip as gunzipCallback } from 'node:zlib';
import { promisify } from 'node:util';
import { StudioError } from '../../shared/errors';
import { checkJsonSize, MAX_JSON_BYTES } from '../arc/json';
import { memorySource } from './byte-source';
import { chunksOf } from './chunks';
import type { GatheredFile } from './gather';

/** Unpacked, read at once; JSON is read up to less. */
const MAX_AT_ONCE = 512 * 2 ** 20;
const MAX_TOTAL = 4 * 2 ** 30;

const gunzip = promisify(gunzipCallback) as (data: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** The file inside, by the name without ".gz"; unpacked when it is read. */
export function gunzipped(file: GatheredFile): GatheredFile {
  const plain = file.relative.replace(/\.gz$/i, '');
  return {
    path: file.path,
    relative: plain,
    disk: null,
    bytes: file.bytes,
    read: () => unpack(file, MAX_JSON_BYTES),
    open: async () => memorySource(await unpack(file, MAX_AT_ONCE)),
    chunks: () => gunzipChunks(file),
  };
}

async function unpack(file: GatheredFile, limit: number): Promise<Uint8Array> {
  const source = await file.open();
  try {
    checkJsonSize(source.size, file.relative);
    return await gunzip(await source.read(0, source.size), { maxOutputLength: limit });
  } catch (error) {
    throw explained(error, file, limit);
  } finally {
    await source.close();
  }
}

/** What is inside, piece by piece. @throws StudioError `damaged`, or `too_large` beyond 4 GB */
export async function* gunzipChunks(file: GatheredFile): AsyncGenerator<Uint8Array> {
  const source = Readable.from(chunksOf(file), { objectMode: true });
  const unpacked = createGunzip();
  source.on('error', (error) => unpacked.destroy(error));
  let total = 0;
  try {
    for await (const chunk of source.pipe(unpacked) as AsyncIterable<Buffer>) {
      total += chunk.byteLength;
      if (total > MAX_TOTAL) throw tooLarge(file, MAX_TOTAL);
      yield chunk;
    }
  } catch (error) {
    throw explained(error, file, MAX_TOTAL);
  } finally {
    source.destroy();
  }
}

function explained(error: unknown, file: GatheredFile, limit: number): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(file, limit);
  if (typeof code !== 'string' || !code.startsWith('Z_')) return error;
  return new StudioError(
    'damaged',
    `${file.relative} is damaged: it cannot be unpacked to its end; download or pack it again.`,
    undefined,
    { cause: error },
  );
}

const tooLarge = (file: GatheredFile, limit: number): StudioError =>
  new StudioError(
    'too_large',
    `${file.relative} unpacks to more than ${limit / 2 ** 20} MB: unpack it yourself and import a part.`,
  );
