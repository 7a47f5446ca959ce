/**
 * Tables of puzzle names kept between questions. A run on ARC with 1000 augmentations has 876,000 names: reading and
 * indexing them takes a good part of a second, and playback asks with every trace and every click.
 */
import { statSync } from 'node:fs';
import type { IdentifierTable } from './identifiers';
import { NameIndex } from './name-index';

/** The bytes of all kept tables; the one asked for last always stays. */
const MOST_BYTES = 192 * 2 ** 20;

export class Names {
  private made: NameIndex | null = null;

  constructor(readonly table: IdentifierTable) {}

  /** By name; made when it is first needed. */
  get index(): NameIndex {
    return (this.made ??= new NameIndex(this.table));
  }
}

/** By file, as it was when its names were read: another size or time of change, and it is read again. */
export class NamesCache {
  /** In the order of their last use. */
  private readonly kept = new Map<string, { stamp: string; names: Names }>();

  constructor(private readonly mostBytes = MOST_BYTES) {}

  /** @param read the table from the file that lies at `path`. @throws errors of the file system, and those of `read` */
  get(path: string, read: () => IdentifierTable): Names {
    const stamp = stampOf(path);
    return this.find(path, stamp) ?? this.keep(path, stamp, read());
  }

  /** The same where reading takes its time. */
  async load(path: string, read: () => Promise<IdentifierTable>): Promise<Names> {
    // Of before the reading: what is written meanwhile is read again next time.
    const stamp = stampOf(path);
    return this.find(path, stamp) ?? this.keep(path, stamp, await read());
  }

  private find(path: string, stamp: string): Names | null {
    const known = this.kept.get(path);
    if (known?.stamp !== stamp) return null;
    this.kept.delete(path);
    this.kept.set(path, known);
    return known.names;
  }

  private keep(path: string, stamp: string, table: IdentifierTable): Names {
    const names = new Names(table);
    this.kept.delete(path);
    this.kept.set(path, { stamp, names });
    let bytes = 0;
    for (const [key, { names }] of [...this.kept].reverse()) {
      bytes += names.table.content.byteLength;
      if (bytes > this.mostBytes && key !== path) this.kept.delete(key);
    }
    return names;
  }
}

function stampOf(path: string): string {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

/** Of this process. */
export const namesCache = new NamesCache();
