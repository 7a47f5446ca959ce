/** Archives among gathered files: their entries take the archive's place. */
import { oneLine, toWireError } from '../../shared/errors';
import { memorySource } from './byte-source';
import { isHidden, type GatheredFile } from './gather';
import { checkCancelled, type WorkOptions } from '../lib/work';
import { isZip, listZip, type ZipEntry } from './zip';

export interface Unpacked {
  files: GatheredFile[];
  /** The archives, and how many files of each were taken. */
  archives: { file: GatheredFile; files: number }[];
}

/**
 * @param fault told of what is wrong: the archive, or the entry as "x.zip › name"
 * @throws StudioError `cancelled`
 */
export async function unpackArchives(
  gathered: readonly GatheredFile[],
  fault: (file: Pick<GatheredFile, 'path'>, message: string) => void,
  options: WorkOptions = {},
): Promise<Unpacked> {
  const files: GatheredFile[] = [];
  const archives: Unpacked['archives'] = [];
  for (const file of gathered) {
    checkCancelled(options.signal, 'The import');
    if (!/\.zip$/i.test(file.relative)) {
      files.push(file);
      continue;
    }
    try {
      const entries = await listing(file, fault);
      files.push(...entries);
      archives.push({ file, files: entries.length });
    } catch (error) {
      const wire = toWireError(error);
      if (wire.code === 'internal') throw error;
      fault(file, wire.message);
    }
  }
  return { files, archives };
}

async function listing(
  file: GatheredFile,
  fault: (file: Pick<GatheredFile, 'path'>, message: string) => void,
): Promise<GatheredFile[]> {
  const source = await file.open();
  try {
    if (!isZip(await source.read(0, 4))) {
      fault(file, `${file.relative} is called .zip but is no ZIP archive: choose another file.`);
      return [];
    }
    const { entries, refused } = await listZip(source, file.relative);
    for (const { name, reason } of refused) {
      const shown = oneLine(name);
      fault({ path: `${file.path} › ${shown}` }, `${file.relative} › ${shown} is left out: ${reason}.`);
    }
    // In the order of names, as in a folder.
    const shown = entries
      .filter(({ name }) => !name.split('/').some(isHidden))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const inFolder = inOneFolder(shown) ? '' : `${stem(file.relative)}/`;
    return shown.map((entry) => gatheredEntry(file, entry, oneLine(`${inFolder}${entry.name}`)));
  } finally {
    await source.close();
  }
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
function inOneFolder(entries: readonly ZipEntry[]): boolean {
  const tops = new Set(entries.map(({ name }) => (name.includes('/') ? name.slice(0, name.indexOf('/')) : '')));
  return tops.size === 1 && !tops.has('');
}

const stem = (relative: string): string => relative.slice(relative.lastIndexOf('/') + 1).replace(/\.zip$/i, '');
