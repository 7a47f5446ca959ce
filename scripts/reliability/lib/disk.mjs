/** What a disk may hold after a power cut, made of recorded writes (record.cc). */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow } from './look.mjs';

const KINDS = ['', 'create', 'write', 'truncate', 'sync', 'rename', 'unlink', 'mkdir', 'rmdir', 'say'];
const PAGE = 4096;

/** @typedef {{ kind: string, path: string, at: number, data: Buffer }} Op path and, of a rename, data are relative to the root */

/**
 * @param {string} file @param {string} root
 * @returns {Op[]}
 */
export function readOps(file, root) {
  const bytes = readFileSync(file);
  const ops = [];
  const relative = (/** @type {string} */ path) => path.slice(root.length + 1);
  for (let at = 0; at < bytes.length;) {
    const kind = KINDS[bytes.readUInt32LE(at)];
    const path = bytes.readUInt32LE(at + 4);
    const data = Number(bytes.readBigUInt64LE(at + 16));
    const body = at + 24 + path;
    const op = {
      kind,
      path: relative(bytes.toString('utf8', at + 24, body)),
      at: Number(bytes.readBigUInt64LE(at + 8)),
      data: bytes.subarray(body, body + data),
    };
    if (kind === 'rename') op.data = Buffer.from(relative(op.data.toString()));
    ops.push(op);
    at = body + data;
  }
  return ops;
}

/** The files of a folder before the recording. @param {string} root @returns {Map<string, Buffer>} */
export const snapshot = (root) =>
  new Map(
    filesBelow(root)
      .filter((path) => !path.startsWith('logs/') && !path.endsWith('-shm'))
      .map((path) => [path, readFileSync(join(root, path))]),
  );

/** A file's content under changes. */
class Content {
  /** @param {Buffer} [bytes] */
  constructor(bytes = Buffer.alloc(0)) {
    this.bytes = bytes;
    this.size = bytes.length;
  }

  /** @param {number} at @param {Buffer} data */
  write(at, data) {
    const end = at + data.length;
    if (end > this.bytes.length || this.bytes.buffer !== this.own) {
      const more = Buffer.alloc(Math.max(end, Math.ceil(this.bytes.length * 1.5)));
      this.bytes.copy(more, 0, 0, this.size);
      this.bytes = more;
      this.own = more.buffer;
    }
    data.copy(this.bytes, at);
    this.size = Math.max(this.size, end);
  }

  /** @param {number} size */
  truncate(size) {
    const whole = Buffer.alloc(size);
    this.bytes.copy(whole, 0, 0, Math.min(size, this.size));
    this.bytes = whole;
    this.own = whole.buffer;
    this.size = size;
  }

  get whole() {
    return this.bytes.subarray(0, this.size);
  }
}

/**
 * What a cut may take:
 *  prefix: everything from some call on, the last write in the middle;
 *  data: beyond that, of each file any of what was written since its last fsync, as a suffix or page by page, while names
 *    (creations, renames, removals) are kept in their order, as a file system with a journal of names keeps them;
 *  names: beyond that, of each folder the names since its own last fsync: what POSIX alone promises.
 * @typedef {'prefix' | 'data' | 'names'} Mode
 */

/**
 * The files after a cut behind the first `k` calls.
 * @param {Map<string, Buffer>} before @param {readonly Op[]} ops @param {number} k @param {Mode} mode
 * @param {import('./random.mjs').Random} random
 * @returns {Map<string, Buffer>}
 */
export function afterCut(before, ops, k, mode, random) {
  const kept = mode === 'names' ? keptNames(ops, k, random) : () => true;
  /** @type {Map<string, { id: number }>} by name, as the running system saw it */
  const live = new Map();
  /** @type {Map<string, { id: number }>} by name, on the disk */
  const disk = new Map();
  /** @type {{ op: Op, i: number }[][]} what was written, by file */
  const written = [];
  const syncedTo = /** @type {number[]} */ ([]);
  const first = /** @type {Buffer[]} */ ([]);
  const add = (/** @type {Buffer} */ bytes) => {
    written.push([]);
    syncedTo.push(-1);
    return { id: first.push(bytes) - 1 };
  };
  for (const [path, bytes] of before) {
    const file = add(bytes);
    live.set(path, file);
    disk.set(path, file);
  }
  for (let i = 0; i < k; i++) {
    const op = ops[i];
    const file = live.get(op.path);
    if (op.kind === 'create') {
      const made = add(Buffer.alloc(0));
      live.set(op.path, made);
      if (kept(i)) disk.set(op.path, made);
    } else if (op.kind === 'write' || op.kind === 'truncate') {
      if (file) written[file.id].push({ op, i });
    } else if (op.kind === 'sync') {
      if (file) syncedTo[file.id] = i;
    } else if (op.kind === 'unlink') {
      live.delete(op.path);
      if (kept(i)) disk.delete(op.path);
    } else if (op.kind === 'rmdir') {
      // Where a folder is gone, so is what was in it, whichever of its own names were synced.
      if (kept(i)) for (const path of [...disk.keys()]) if (path.startsWith(`${op.path}/`)) disk.delete(path);
    } else if (op.kind === 'rename') {
      move(live, op.path, op.data.toString());
      if (kept(i)) move(disk, op.path, op.data.toString());
    }
  }
  const contents = new Map();
  const unmade = ops.slice(0, k).flatMap(({ kind, path }, i) => (kind === 'mkdir' && !kept(i) ? [`${path}/`] : []));
  for (const [path, { id }] of disk) {
    // In a folder that is not there.
    if (unmade.some((folder) => path.startsWith(folder))) continue;
    const file = new Content(first[id]);
    const sure = written[id].filter(({ i }) => mode === 'prefix' || i < syncedTo[id]);
    const open = written[id].slice(sure.length);
    const lost = random.weighted({ suffix: 1, pages: 1, all: 1 });
    const until = lost === 'suffix' ? random.below(open.length + 1) : lost === 'all' ? 0 : open.length;
    for (const { op, i } of sure)
      apply(file, mode === 'prefix' && i === k - 1 && op.kind === 'write' ? torn(op, random) : op);
    for (const { op } of open.slice(0, until)) {
      if (lost === 'pages' && op.kind === 'write') writePages(file, op, random);
      else apply(file, op);
    }
    contents.set(path, file.whole);
  }
  return contents;
}

/** @param {Content} file @param {Op} op */
const apply = (file, op) => (op.kind === 'write' ? file.write(op.at, op.data) : file.truncate(op.at));

/** @param {Op} op @param {import('./random.mjs').Random} random @returns {Op} */
const torn = (op, random) => ({ ...op, data: op.data.subarray(0, 1 + random.below(op.data.length)) });

/** Each page by itself is there or not. @param {Content} file @param {Op} op @param {import('./random.mjs').Random} random */
function writePages(file, op, random) {
  for (let from = 0; from < op.data.length;) {
    const to = Math.min(op.data.length, from + PAGE - ((op.at + from) % PAGE));
    if (random.below(2)) file.write(op.at + from, op.data.subarray(from, to));
    from = to;
  }
}

/** A file, or a folder with all that is below it. @param {Map<string, { id: number }>} files @param {string} from @param {string} to */
function move(files, from, to) {
  const file = files.get(from);
  if (file) {
    files.delete(from);
    files.set(to, file);
    return;
  }
  for (const [path, below] of [...files]) {
    if (!path.startsWith(`${from}/`)) continue;
    files.delete(path);
    files.set(to + path.slice(from.length), below);
  }
}

/** Of each folder, which of its changes reached the disk: those before its last fsync, and some more. @param {readonly Op[]} ops @param {number} k @param {import('./random.mjs').Random} random */
function keptNames(ops, k, random) {
  /** @type {Map<string, number>} */
  const synced = new Map();
  for (let i = 0; i < k; i++) if (ops[i].kind === 'sync') synced.set(ops[i].path, i);
  /** @type {Map<string, number>} */
  const cuts = new Map();
  const cutOf = (/** @type {string} */ folder) => {
    const known = cuts.get(folder);
    if (known !== undefined) return known;
    const least = (synced.get(folder) ?? -1) + 1;
    const cut = least + random.below(k - least + 1);
    cuts.set(folder, cut);
    return cut;
  };
  const folderOf = (/** @type {string} */ path) => (path.includes('/') ? dirname(path) : '');
  return (/** @type {number} */ i) => {
    const { kind, path, data } = ops[i];
    return i < cutOf(folderOf(path)) && (kind !== 'rename' || i < cutOf(folderOf(data.toString())));
  };
}

/** @param {string} root @param {Map<string, Buffer>} files */
export function writeState(root, files) {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  for (const [path, bytes] of files) {
    const to = join(root, path);
    if (!existsSync(dirname(to))) mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, bytes);
  }
}
