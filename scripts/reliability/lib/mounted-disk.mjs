// A disk of one's own that can be filled, made read-only, made to vanish and repaired: ext4 in a file, on a loop device.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** @param {string} command @param {string[]} args */
const run = (command, args) => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();

/** EXT4_IOC_SHUTDOWN without a flush: every later access fails with an input/output error, as if the cable were pulled. */
const SHUT_DOWN = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))`;

export class Disk {
  /**
   * @param {string} folder holds the image and the mount point
   * @param {number} megabytes
   */
  constructor(folder, megabytes) {
    mkdirSync(folder, { recursive: true });
    this.image = join(folder, 'disk.img');
    this.at = join(folder, 'disk');
    rmSync(this.image, { force: true });
    closeSync(openSync(this.image, 'w'));
    run('truncate', ['-s', `${megabytes}M`, this.image]);
    run('mkfs.ext4', ['-q', '-F', '-m', '0', this.image]);
    mkdirSync(this.at, { recursive: true });
    this.mount();
  }

  mount() {
    run('mount', ['-o', 'loop,errors=remount-ro', this.image, this.at]);
  }

  get device() {
    return run('losetup', ['-j', this.image]).split(':')[0].split('/').at(-1) ?? '';
  }

  free() {
    const { bavail, bsize } = statfsSync(this.at);
    return bavail * bsize;
  }

  /** Leaves about so many bytes. */
  fill(/** @type {number} */ left) {
    const file = openSync(join(this.at, 'ballast'), 'w');
    const piece = Buffer.alloc(2 ** 16, 1);
    try {
      while (this.free() > left + piece.length) writeSync(file, piece);
      while (this.free() > left) writeSync(file, piece, 0, 4096);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  /** What the kernel does at the first error of the disk. */
  readOnly() {
    try {
      writeFileSync(`/sys/fs/ext4/${this.device}/trigger_fs_error`, '1');
    } catch {
      // Where the kernel has no such switch; with files open for writing a plain remount would be refused.
      run('mount', ['-o', 'remount,ro,force', this.at]);
    }
  }

  vanish() {
    run('python3', ['-c', SHUT_DOWN, this.at]);
  }

  /** Unmounted under whoever uses it: open files stay, the folder is empty. */
  detach() {
    run('umount', ['-l', this.at]);
  }

  /** Room again, or checked and mounted again. */
  repair() {
    rmSync(join(this.at, 'ballast'), { force: true });
    const options = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .find((line) => line.split(' ')[1] === this.at)
      ?.split(' ')[3];
    const sound = options !== undefined && !/\b(ro|emergency_ro|shutdown)\b/.test(options);
    if (sound && existsSync(join(this.at, 'lost+found'))) return;
    if (options !== undefined) run('umount', [this.at]);
    rmSync(this.at, { recursive: true, force: true });
    mkdirSync(this.at);
    try {
      run('fsck.ext4', ['-p', this.image]);
    } catch (error) {
      // 1: errors were corrected.
      if (/** @type {{ status?: number }} */ (error).status !== 1) throw error;
    }
    this.mount();
  }

  close() {
    try {
      run('umount', ['-l', this.at]);
    } catch {
      // Not mounted any more.
    }
    rmSync(this.image, { force: true });
  }
}

/** Whether this user may mount; null, or why not in one sentence. */
export function whyNoMounts() {
  if (process.platform !== 'linux') return 'Disks are mounted as Linux does it: there is no other way here yet.';
  if (process.getuid?.() !== 0) return 'Mounting a disk needs root: run this with sudo, or in a container of your own.';
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' });
    return existsSync('/dev/loop-control') ? null : 'There are no loop devices here (/dev/loop-control).';
  } catch {
    return 'Mounting is not allowed here: run this as root outside the container.';
  }
}
