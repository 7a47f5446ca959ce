/**
 * Whether a folder is on a disk of another machine. SQLite's write-ahead log needs memory that all its users share, which
 * two machines have not; and who works on a run is told by its process, which only its own machine knows.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Types as Linux names them. A FUSE file system says whose it is after the dot; those not listed here are local. 9p
 * is not listed: in some containers (gVisor) it is the root, in WSL the Windows disks, with one machine and its memory on
 * both ends; from another machine it is rare.
 */
const NETWORK =
  /^(nfs\d?|cifs|smb3|smbfs|ncpfs|afs|ceph|glusterfs|lustre|gpfs|beegfs\w*|panfs|orangefs|pvfs2|davfs|fuse\.(sshfs|cephfs?|ceph-fuse|glusterfs|davfs2?|rclone|s3fs|gcsfuse|juicefs|seaweedfs|smbnetfs|curlftpfs|moosefs|mfs))$/;

interface Mount {
  at: string;
  type: string;
}

/** Lines of /proc/mounts, in which blanks are written `\040`. */
function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [, at, type] = line.split(' ');
    if (!at || !type) return [];
    return [{ at: at.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))), type }];
  });
}

/**
 * @param path absolute; need not be there yet
 * @param mounts text of /proc/mounts
 * @returns the file system's type if it is one of a network, else null; null also where the system does not tell
 */
export function networkDisk(path: string, mounts: string | null = readMounts()): string | null {
  // Windows: \\server\share.
  if (/^[\\/]{2}[^\\/?.]/.test(path) && process.platform === 'win32') return 'a share';
  if (mounts === null) return null;
  const real = realOf(path);
  const inside = ({ at }: Mount) => at === '/' || real === at || real.startsWith(`${at}/`);
  // The deepest mount point, and of several on one another the last.
  const mount = parseMounts(mounts)
    .filter(inside)
    .reduce<Mount | null>((best, next) => (best && best.at.length > next.at.length ? best : next), null);
  return mount && NETWORK.test(mount.type) ? mount.type : null;
}

/** Without links, as far as it is there. */
function realOf(path: string): string {
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      return realpathSync(at) + resolve(path).slice(at.length);
    } catch {
      if (dirname(at) === at) return path;
    }
  }
}

function readMounts(): string | null {
  try {
    return readFileSync('/proc/mounts', 'utf8');
  } catch {
    return null;
  }
}
