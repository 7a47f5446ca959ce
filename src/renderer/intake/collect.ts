/** What was dropped or chosen, as far as the browser tells, and the files in it. */
/** A file to be read in the window: web pages have no paths. */
export interface Found {
  /** Relative, e.g. "tasks/00d62c1b.json". */
  path: string;
  file: File;
}

/** The part of a DataTransferItem that can be asked while something is dragged. */
export interface Dragged {
  kind: string;
  type: string;
}

/** What a browser calls the files that can be imported; Windows has names of its own for two of them. */
const TYPES: readonly { types: readonly string[]; one: string; many: string }[] = [
  { types: ['application/json'], one: 'JSON file', many: 'JSON files' },
  { types: ['application/zip', 'application/x-zip-compressed'], one: 'zip archive', many: 'zip archives' },
  { types: ['application/gzip', 'application/x-gzip', 'application/x-tar'], one: 'packed file', many: 'packed files' },
  { types: ['text/csv', 'application/vnd.ms-excel'], one: 'CSV file', many: 'CSV files' },
];

/** Names of files that are worth reading. */
export const IMPORTABLE = ['.json', '.jsonl', '.ndjson', '.csv', '.zip', '.tar', '.tgz', '.gz', '.npy'] as const;

/**
 * What is over the window, in words. Before letting go a browser tells only how many things there are and their MIME
 * types; a folder has none, and neither has a file of an unknown type.
 */
export function recognise(items: readonly Dragged[]): { title: string; text: string; usable: boolean } {
  const files = items.filter((item) => item.kind === 'file');
  const count = (fits: (type: string) => boolean): number => files.filter(({ type }) => fits(type)).length;
  const known = TYPES.map(({ types, one, many }) => ({ n: count((t) => types.includes(t)), one, many }));
  const untyped = count((t) => t === '');
  const other = files.length - untyped - known.reduce((sum, { n }) => sum + n, 0);
  const parts = [
    ...known,
    { n: untyped, one: 'folder or file of an unknown type', many: 'folders or files of unknown types' },
    { n: other, one: 'other file', many: 'other files' },
  ]
    .filter(({ n }) => n > 0)
    .map(({ n, one, many }) => `${n} ${n === 1 ? one : many}`);
  const usable = other < files.length;
  return {
    title: parts.join(', ') || 'Files',
    text: usable
      ? 'Drop to look inside for ARC tasks, CSVs of puzzles, datasets or a checkpoint. Nothing is stored before you say so.'
      : 'Tasks come as .json or .jsonl files, puzzles as .csv, datasets as folders, any of them in a .zip or .tar.gz; these will be left out.',
    usable,
  };
}

/** A file travels in one message of the WebSocket: as base64 this stays below the 64 MB that the server takes. */
export const MAX_FILE_BYTES = 45 * 2 ** 20;

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20).toLocaleString('en')} MB`;

/** Why this file is not to be read, or null. `inFolder`: it was not chosen by name. */
export function refusal(path: string, bytes: number, inFolder: boolean): { message: string; harmless: boolean } | null {
  if (!IMPORTABLE.some((ending) => path.toLowerCase().endsWith(ending))) {
    return {
      message: `${path} is no ${IMPORTABLE.slice(0, -1).join(', ')} or ${IMPORTABLE[IMPORTABLE.length - 1]} file and was left out.`,
      harmless: inFolder,
    };
  }
  if (bytes > MAX_FILE_BYTES) {
    return {
      message: `${path} has ${megabytes(bytes)}, and the browser sends up to ${megabytes(MAX_FILE_BYTES)}: split it, or use \`trm datasets import\`.`,
      harmless: false,
    };
  }
  return null;
}

/**
 * Every file below dropped entries, depth first. `seen` is called for each, `failed` for what cannot be read; whatever
 * `check` throws ends the walk.
 */
export async function walkEntries(
  entries: readonly FileSystemEntry[],
  seen: (found: Found & { inFolder: boolean }) => void,
  failed: (path: string) => void,
  check: () => void,
): Promise<void> {
  const walk = async (entry: FileSystemEntry, inFolder: boolean): Promise<void> => {
    check();
    const path = entry.fullPath.replace(/^\//, '');
    if (entry.isFile) {
      const file = await new Promise<File | null>((done) =>
        (entry as FileSystemFileEntry).file(done, () => done(null)),
      );
      if (file) seen({ path, file, inFolder });
      else failed(path);
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    // A reader hands out at most 100 entries a call, and an empty list at the end.
    for (;;) {
      const batch = await new Promise<FileSystemEntry[] | null>((done) => reader.readEntries(done, () => done(null)));
      if (batch === null) failed(path);
      if (!batch?.length) return;
      for (const child of batch) await walk(child, true);
    }
  };
  for (const entry of entries) await walk(entry, false);
}

/** The entries of a drop; must be called before the drop's handler returns. */
export function entriesOf(items: DataTransferItemList): FileSystemEntry[] {
  return Array.from(items)
    .filter((item) => item.kind === 'file')
    .map((item) => item.webkitGetAsEntry())
    .filter((entry): entry is FileSystemEntry => entry !== null);
}

export interface BatchLimits {
  bytes: number;
  files: number;
}

/** Cuts files into batches of bounded size; a larger file travels alone. */
export function batches<T extends { file: { size: number } }>(files: readonly T[], limits: BatchLimits): T[][] {
  const out: T[][] = [];
  let batch: T[] = [];
  let bytes = 0;
  for (const item of files) {
    if (batch.length && (batch.length >= limits.files || bytes + item.file.size > limits.bytes)) {
      out.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += item.file.size;
  }
  if (batch.length) out.push(batch);
  return out;
}
