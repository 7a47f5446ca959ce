/** Which collection an imported task joins, and what that is called. */
import type { Task } from '../../shared/arc';
import { proposeSegment } from '../../shared/path-segment';
import type { GatheredFile } from './gather';

export interface RecognisedSubset {
  /** As recipes and the command line name it: letters, digits, "-", "_", ".". */
  name: string;
  title: string;
  /** The file or folder that it came from. */
  source: string;
  tasks: Task[];
}

/** Folders that split a collection, as in the repositories of ARC-AGI: each becomes a collection of its own. */
const SPLIT_FOLDER = /^(train|training|eval|evaluation|test)$/i;

interface Single {
  file: GatheredFile;
  task: Task;
}

export class SubsetNames {
  private readonly used: Set<string>;

  constructor(taken: readonly string[]) {
    this.used = new Set(taken);
  }

  /** A name that no other collection has, and a title. */
  take(wanted: string): { name: string; title: string } {
    const base =
      wanted
        .normalize('NFC')
        .replace(/[^\p{L}\p{N}_.-]+/gu, '-')
        .replace(/^[-.]+|[-.]+$/g, '')
        .slice(0, 60) || 'imported';
    let name = base;
    for (let n = 2; this.used.has(name); n++) name = `${base}-${n}`;
    this.used.add(name);
    return {
      name,
      title: name === base ? wanted || 'Imported' : `${wanted || 'Imported'} (${name.slice(base.length + 1)})`,
    };
  }

  /**
   * Single tasks by collection: one for each dropped folder, with what its folders hold, or for each of its folders
   * named training, evaluation and the like; one for all files dropped by themselves. A task that appears twice in one
   * collection, or by itself and also in a collection of the same import, is a fault; the first one stays. Different
   * tasks of one name in several folders are none: they get their folders' names in front, which `renamed` is told.
   * `sample` is the first file of each.
   */
  group(
    singles: readonly Single[],
    collections: ReadonlySet<string>,
    fault: (file: GatheredFile, message: string) => void,
    renamed: (file: GatheredFile, name: string) => void,
  ): (RecognisedSubset & { sample: GatheredFile })[] {
    const groups = new Map<string, Single[]>();
    for (const single of singles) {
      const key = groupOf(single.file.relative);
      const members = groups.get(key);
      if (members) members.push(single);
      else groups.set(key, [single]);
    }
    for (const [key, members] of groups) if (key) groups.set(key, toldApart(members, renamed));
    const inFolders = new Map<string, string>();
    for (const [key, members] of groups)
      if (key) for (const { file, task } of members) inFolders.set(task.name, file.relative);
    const subsets: (RecognisedSubset & { sample: GatheredFile })[] = [];
    for (const [key, members] of groups) {
      const first = new Map<string, string>();
      const tasks: Task[] = [];
      for (const { file, task } of members) {
        const elsewhere = key
          ? undefined
          : (inFolders.get(task.name) ?? (collections.has(task.name) ? 'a collection' : undefined));
        const other = first.get(task.name) ?? elsewhere;
        if (other !== undefined) {
          fault(
            file,
            `${file.relative}: the task ${task.name} is in this import twice, also in ${other}: keep one of the two.`,
          );
          continue;
        }
        first.set(task.name, file.relative);
        tasks.push(task);
      }
      const wanted = key || (tasks.length === 1 ? tasks[0].name : 'imported');
      subsets.push({ ...this.take(wanted), source: sourceOf(members[0].file, key), tasks, sample: members[0].file });
    }
    return subsets;
  }
}

/** Members of which different ones of one name, from several folders, are called "folder-name". */
function toldApart(members: readonly Single[], renamed: (file: GatheredFile, name: string) => void): Single[] {
  const byName = new Map<string, Single[]>();
  for (const single of members) {
    const same = byName.get(single.task.name);
    if (same) same.push(single);
    else byName.set(single.task.name, [single]);
  }
  const content = ({ task: { train, test } }: Single): string => JSON.stringify([train, test]);
  const differ = new Set<string>();
  for (const [name, same] of byName) {
    if (same.length > 1 && same.some((single) => content(single) !== content(same[0]))) differ.add(name);
  }
  return members.map(({ file, task }) => {
    const folder = file.relative.split('/').at(-2);
    if (!differ.has(task.name) || folder === undefined) return { file, task };
    const name = proposeSegment(`${folder}-${task.name}`);
    renamed(file, name);
    return { file, task: { ...task, name } };
  });
}

/** "" for a file dropped by itself, else the dropped folder's name, and the split folder's behind it. */
function groupOf(relative: string): string {
  const folders = relative.split('/').slice(0, -1);
  if (folders.length === 0) return '';
  const split = folders.slice(1).find((folder) => SPLIT_FOLDER.test(folder));
  return split ? `${folders[0]} ${split}` : folders[0];
}

/** The dropped folder's own path, or the file's. */
function sourceOf(file: GatheredFile, key: string): string {
  if (!key) return file.path;
  const inside = file.relative.slice(file.relative.indexOf('/'));
  const path = file.path.replace(/\\/g, '/');
  return path.endsWith(inside) ? file.path.slice(0, path.length - inside.length) : file.path;
}
