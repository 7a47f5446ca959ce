/**
 * Reads tar archives, packed or plain, into memory from front to back; nothing is unpacked to disk, so a name in an archive
 * is only a name. The caps are those of ZIP archives, but that all of it has to fit into memory at once.
 */
import { createTarDecoder, type ParsedTarEntry } from 'modern-tar';
import { StudioError } from '../../shared/errors';
import { entryNameFault } from '../lib/zip-directory';
import { chunksOf } from './chunks';
import type { GatheredFile } from './gather';
import { gunzipChunks, isGzip } from './gzip';
import { checkCancelled, type WorkOptions } from '../lib/work';

export interface TarListing {
  entries: { name: string; content: Uint8Array }[];
  /** Entries that are not taken, each with the reason. */
  refused: { name: string; reason: string }[];
}

const MAX_ENTRIES = 100_000;
const MAX_ENTRY = 512 * 2 ** 20;
const MAX_HELD = 2 ** 30;
/** What an import looks into; of other files only the names are kept. */
const WANTED = /\.(json|jsonl|ndjson|csv|npy|gz)$/i;

/**
 * @throws StudioError `damaged` if it is no whole archive, `too_large` beyond the caps, `cancelled`; errors of the file
 * system
 */
export async function listTar(file: GatheredFile, options: WorkOptions = {}): Promise<TarListing> {
  try {
    return await list(file, options);
  } catch (error) {
    const known = error instanceof StudioError || typeof (error as { code?: unknown }).code === 'string';
    throw known ? error : damaged(file.relative, error);
  }
}

async function list(file: GatheredFile, options: WorkOptions): Promise<TarListing> {
  const listing: TarListing = { entries: [], refused: [] };
  const names = new Set<string>();
  let held = 0;
  let headers = 0;
  for await (const { header, body } of entriesOf(file)) {
    checkCancelled(options.signal, 'The import');
    // Refused ones and folders too: of each refused one something is kept.
    if (++headers > MAX_ENTRIES) {
      throw new StudioError(
        'too_large',
        `${file.relative} holds more than ${MAX_ENTRIES} entries: import a smaller one.`,
      );
    }
    const name = header.name.replace(/\\/g, '/').replace(/^(\.\/)+/, '');
    const reason = header.type === 'directory' || name === '' ? null : refusal(name, header, names.has(name));
    if (reason) listing.refused.push({ name, reason });
    if (reason || header.type === 'directory' || name === '') {
      await body.cancel();
      continue;
    }
    names.add(name);
    if (!WANTED.test(name)) {
      await body.cancel();
      listing.entries.push({ name, content: new Uint8Array() });
      continue;
    }
    held += header.size;
    if (held > MAX_HELD) {
      throw new StudioError(
        'too_large',
        `${file.relative} unpacks to more than 1 GB: unpack it yourself and import the folder.`,
      );
    }
    listing.entries.push({ name, content: await contentOf(body, header.size, `${file.relative} › ${name}`) });
  }
  return listing;
}

function refusal(name: string, { type, size }: ParsedTarEntry['header'], twice: boolean): string | null {
  if (entryNameFault(name)) return 'its name leads out of the archive: pack it again with names inside it';
  if (twice) return 'the archive holds this name twice: keep one of the two';
  if (type !== undefined && type !== 'file') return 'it is a link or a device: pack the file itself';
  if (size > MAX_ENTRY)
    return `it has ${Math.round(size / 2 ** 20)} MB, and up to ${MAX_ENTRY / 2 ** 20} MB are read: unpack it yourself and import the folder`;
  return null;
}

async function* entriesOf(file: GatheredFile): AsyncGenerator<ParsedTarEntry> {
  const source = await file.open();
  const packed = isGzip(await source.read(0, 2).finally(() => source.close()));
  const bytes = packed ? gunzipChunks(file) : chunksOf(file);
  // Both streams fail with the same error; the pipe's own promise is looked at where the entries end.
  const decoder = createTarDecoder({ strict: true });
  let failed: unknown;
  const piped = ReadableStream.from(bytes).pipeTo(decoder.writable).catch((error: unknown) => void (failed = error)); // prettier-ignore
  try {
    for await (const entry of decoder.readable) yield entry;
    await piped;
    if (failed !== undefined) throw failed;
  } catch (error) {
    throw failed ?? error;
  }
}

async function contentOf(body: ParsedTarEntry['body'], size: number, place: string): Promise<Uint8Array> {
  const content = new Uint8Array(size);
  let at = 0;
  for await (const chunk of body) {
    if (at + chunk.byteLength > size) throw damaged(place);
    content.set(chunk, at);
    at += chunk.byteLength;
  }
  if (at !== size) throw damaged(place);
  return content;
}

const damaged = (place: string, cause?: unknown): StudioError =>
  new StudioError('damaged', `${place} is damaged: it cannot be read to its end; download or pack it again.`, undefined, { cause }); // prettier-ignore
