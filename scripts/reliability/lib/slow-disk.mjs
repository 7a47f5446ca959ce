// A disk that takes its time: a FUSE file system that shows a folder and waits before each write.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep } from './studio.mjs';

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'slow_fs.py');

export class SlowDisk {
  /**
   * @param {string} folder
   * @param {number} milliseconds before each write, sync, rename
   * @returns {Promise<SlowDisk | string>} or why there can be none
   */
  static async mount(folder, milliseconds) {
    if (!existsSync('/dev/fuse')) return 'there is no /dev/fuse';
    const python = join(folder, '..', 'python', 'bin', 'python');
    try {
      if (!existsSync(python)) {
        const venv = dirname(dirname(python));
        execFileSync('python3', ['-m', 'venv', venv], { stdio: 'ignore' });
        execFileSync(python, ['-m', 'pip', '-q', 'install', 'mfusepy==3.1.1'], { stdio: 'ignore' });
      }
    } catch {
      rmSync(dirname(dirname(python)), { recursive: true, force: true });
      return 'mfusepy could not be had from PyPI (it needs python3-venv)';
    }
    const disk = new SlowDisk(folder);
    const child = spawn(python, [PROGRAM, disk.root, disk.at, String(milliseconds)], { stdio: 'ignore' });
    for (let i = 0; i < 100 && child.exitCode === null; i++) {
      if (readFileSync('/proc/mounts', 'utf8').includes(` ${disk.at} fuse`)) return disk;
      await sleep(50);
    }
    return 'the FUSE file system did not start';
  }

  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder;
    this.root = join(folder, 'root');
    this.at = join(folder, 'disk');
    for (const path of [this.root, this.at]) mkdirSync(path, { recursive: true });
  }

  close() {
    execFileSync('fusermount3', ['-u', '-z', this.at]);
    rmSync(this.root, { recursive: true, force: true });
  }
}
