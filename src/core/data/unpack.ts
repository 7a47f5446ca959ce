/** Archives and packed files among gathered ones: what is in them takes their place. */
import { oneLine, StudioError } from '../../shared/errors';
import { memorySource } from './byte-source';
import { sentenceOf } from './chunks';
import { isHidden, type GatheredFile } from './gather';
import { gunzipped, isGzip } from './gzip';
import { listTar } from './tar';
import { checkCancelled, type WorkOptions } from '../lib/work';
import { isZip, listZip, type ZipEntry } from './zip';

export interface Unpacked {
  files: GatheredFile[];
  /** The archives, and how many files of each were taken. */
  archives: { file: GatheredFile; kind: 'zip archive' | 'tar archive'; files: number }[];
}

type TellFault = (file: Pick<GatheredFile, 'path'>, message: string) => void;

const TAR = /\.(tar|tar\.gz|tgz)$/i;
const GZIP = /\.gz$/i;

/**
 * Archives in archives stay as they are; files that are packed by themselves are unpacked there too.
 * @param fault told of what is wrong: the archive, or the entry as "x.zip › name"
 * @throws StudioError `cancelled`
 */
export async function unpackArchives(
  gathered: readonly GatheredFile[],
  fault: TellFault,
  options: WorkOptions = {},
): Promise<Unpacked> {
  const files: GatheredFile[] = [];
  const archives: Unpacked['archives'] = [];
  for (const file of gathered) {
    checkCancelled(options.signal, 'The import');
    const tar = TAR.test(file.relative);
    try {
      if (!tar && !/\.zip$/i.test(file.relative)) {
        files.push(GZIP.test(file.relative) ? await unpacked(file) : file);
        continue;
      }
      const entries = tar ? await tarListing(file, fault, options) : await zipListing(file, fault);
      for (const entry of entries) files.push(GZIP.test(entry.relative) ? await unpacked(entry) : entry);
      archives.push({ file, kind: tar ? 'tar archive' : 'zip archive', files: entries.length });
    } catch (error) {
      fault(file, sentenceOf(error));
    }
  }
  return { files, archives };
}

/** A file that is packed by itself. @throws StudioError `bad_input` if it is not */
async function unpacked(file: GatheredFile): Promise<GatheredFile> {
  if (isGzip(await headOf(file, 2))) return gunzipped(file);
  throw new StudioError('bad_input', `${file.relative} is called .gz but is not packed by gzip: choose another file.`);
}

async function headOf(file: GatheredFile, bytes: number): Promise<Uint8Array> {
  const source = await file.open();
  try {
    return await source.read(0, bytes);
  } finally {
    await source.close();
  }
}

async function zipListing(file: GatheredFile, fault: TellFault): Promise<GatheredFile[]> {
  const source = await file.open();
  try {
    if (!isZip(await source.read(0, 4))) {
      fault(file, `${file.relative} is called .zip but is no ZIP archive: choose another file.`);
      return [];
    }
    const { entries, refused } = await listZip(source, file.relative);
    sayRefused(file, refused, fault);
    return placed(file, entries, gatheredEntry);
  } finally {
    await source.close();
  }
}

async function tarListing(file: GatheredFile, fault: TellFault, options: WorkOptions): Promise<GatheredFile[]> {
  const { entries, refused } = await listTar(file, options);
  if (entries.length === 0 && refused.length === 0) {
    fault(file, `${file.relative} is an empty tar archive, or none: choose another file.`);
  }
  sayRefused(file, refused, fault);
  return placed(file, entries, (archive, { name, content }, relative) => ({
    path: `${archive.path} › ${oneLine(name)}`,
    relative,
    disk: null,
    bytes: content.byteLength,
    read: () => Promise.resolve(content),
    open: () => Promise.resolve(memorySource(content)),
  }));
}

function sayRefused(file: GatheredFile, refused: readonly { name: string; reason: string }[], fault: TellFault): void {
  for (const { name, reason } of refused) {
    const shown = oneLine(name);
    fault({ path: `${file.path} › ${shown}` }, `${file.relative} › ${shown} is left out: ${reason}.`);
  }
}

/** In the order of names, as in a folder; in one of the archive's name where they lie in none. */
function placed<T extends { name: string }>(
  file: GatheredFile,
  entries: readonly T[],
  gathered: (archive: GatheredFile, entry: T, relative: string) => GatheredFile,
): GatheredFile[] {
  const shown = entries
    .filter(({ name }) => !name.split('/').some(isHidden))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const inFolder = inOneFolder(shown) ? '' : `${stem(file.relative)}/`;
  return shown.map((entry) => gathered(file, entry, oneLine(`${inFolder}${entry.name}`)));
}

/** Opens the archive again when it is read: a preview may be looked at for a long time. */
function gatheredEntry(archive: GatheredFile, entry: ZipEntry, relative: string): GatheredFile {
  const read = async (): Promise<Uint8Array> => {
    const source = await archive.open();
    try {
      return await entry.read(source);
    } finally {
      await source.close();
    }
  };
  return {
    path: `${archive.path} › ${oneLine(entry.name)}`,
    relative,
    disk: null,
    bytes: entry.bytes,
    read,
    open: async () => memorySource(await read()),
  };
}

/** Whether all entries lie in one folder, as in an archive of a repository. */
function inOneFolder(entries: readonly { name: string }[]): boolean {
  const tops = new Set(entries.map(({ name }) => (name.includes('/') ? name.slice(0, name.indexOf('/')) : '')));
  return tops.size === 1 && !tops.has('');
}

const stem = (relative: string): string =>
  relative.slice(relative.lastIndexOf('/') + 1).replace(/\.(zip|tgz|tar(\.gz)?)$/i, '');
