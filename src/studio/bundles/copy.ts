/** A dataset into a bundle: every file of its folder, or a link to it. */
import { constants } from 'node:fs';
import { copyFile, readdir, stat, statfs, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeFolders } from '../../core/lib/folders';
import { StudioError } from '../../shared/errors';

export interface Copying {
  /** Bytes so far and in all. */
  progress(done: number, total: number): void;
  /** Asked between files. */
  stopped(): boolean;
}

/** @returns bytes copied; 0 for links. @throws StudioError `disk_full`, `cancelled`; file system errors */
export async function takeDatasets(
  folders: readonly { from: string; to: string }[],
  link: boolean,
  host: Copying,
): Promise<number> {
  if (link) {
    for (const { from, to } of folders)
      await symlink(resolve(from), to, process.platform === 'win32' ? 'junction' : 'dir');
    return 0;
  }
  const files: { from: string; to: string; bytes: number }[] = [];
  for (const { from, to } of folders) await list(from, to, files);
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  if (folders.length) await refuseFull(folders[0].to, total);
  let done = 0;
  for (const { from, to, bytes } of files) {
    if (host.stopped()) throw new StudioError('cancelled', 'The export was cancelled: nothing was left behind.');
    host.progress(done, total);
    // Where the file system can, both share their blocks until one is written to.
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    done += bytes;
  }
  host.progress(total, total);
  return total;
}

async function list(from: string, to: string, files: { from: string; to: string; bytes: number }[]): Promise<void> {
  makeFolders(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    const { size } = await stat(source);
    if ((await stat(source)).isDirectory()) await list(source, target, files);
    else files.push({ from: source, to: target, bytes: size });
  }
}

/** Said before hours of copying. */
async function refuseFull(at: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(at);
  if (bavail * bsize > bytes) return;
  const gb = (n: number) => (n / 1e9).toFixed(1);
  throw new StudioError(
    'disk_full',
    `The dataset has ${gb(bytes)} GB, and only ${gb(bavail * bsize)} GB are free there: choose another disk, or take the dataset as a link.`,
  );
}
