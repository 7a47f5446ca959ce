/**
 * A dataset folder, made here or by the reference's builders: metadata checked, index arrays in memory, examples read
 * by offset. S = seq_len, N = examples of a split.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { PuzzleKind } from '../../shared/arc';
import type { DatasetMetadata, DatasetSidecar, ExampleRef } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { IdentifierTable } from './identifiers';
import { namesCache } from './names-cache';
import { guessLayout, readMetadata, readSidecar } from './metadata';
import { NpyFile } from './npy';

/** Bytes of a split's tokens up to which all of them are looked at when it is taken in. */
const MOST_CHECKED = 64 * 2 ** 20;

export type SplitName = ExampleRef['split'];

/** One split: puzzle p has the examples puzzleIndices[p] … puzzleIndices[p + 1], group g the puzzles of groupIndices. */
export class DatasetSplit {
  private constructor(
    readonly name: SplitName,
    readonly metadata: DatasetMetadata,
    readonly puzzleIdentifiers: Int32Array,
    readonly puzzleIndices: Int32Array,
    readonly groupIndices: Int32Array,
    private readonly inputs: NpyFile,
    private readonly labels: NpyFile,
  ) {}

  /** @throws StudioError `damaged` if the files do not fit together */
  static open(folder: string, name: SplitName): DatasetSplit {
    const at = join(folder, name);
    const metadata = readMetadata(join(at, 'dataset.json'));
    const file = (field: string): string => join(at, `${metadata.sets[0]}__${field}.npy`);
    const opened: NpyFile[] = [];
    const openFile = (field: string): NpyFile => {
      const npy = NpyFile.open(file(field));
      opened.push(npy);
      return npy;
    };
    const indices = (field: string): Int32Array => {
      const npy = NpyFile.open(file(field));
      try {
        return npy.readAllInt32();
      } finally {
        npy.close();
      }
    };
    try {
      const [identifiers, puzzles, groups] = [
        indices('puzzle_identifiers'),
        indices('puzzle_indices'),
        indices('group_indices'),
      ];
      if (metadata.total_puzzles < 0) metadata.total_puzzles = puzzles.length - 1;
      const split = new DatasetSplit(
        name,
        metadata,
        identifiers,
        puzzles,
        groups,
        openFile('inputs'),
        openFile('labels'),
      );
      split.check(file);
      return split;
    } catch (error) {
      for (const npy of opened) npy.close();
      throw error;
    }
  }

  get examples(): number {
    return this.inputs.shape[0];
  }

  /** Writes the S tokens of example `index` to `input` and `label`. @throws StudioError `damaged` for an unknown token */
  read(index: number, input: Uint8Array, label: Uint8Array): void {
    this.readRun(index, 1, input, label);
    const { vocab_size } = this.metadata;
    for (let i = 0; i < input.length; i++) {
      if (input[i] >= vocab_size || label[i] >= vocab_size) throw this.unknownToken(index, input, label);
    }
  }

  /** `count` examples from `first` on, [count · S] tokens each, which may be any bytes. */
  readRun(first: number, count: number, inputs: Uint8Array, labels: Uint8Array): void {
    this.inputs.readTokens(first, count, inputs);
    this.labels.readTokens(first, count, labels);
  }

  /**
   * Looks for tokens outside the vocabulary: in all examples of a small split, in some thousands, evenly spread, of one
   * that has gigabytes; training looks at each example that it draws.
   * @throws StudioError `damaged`
   */
  checkTokens(): void {
    const S = this.metadata.seq_len;
    const [input, label] = [new Uint8Array(S), new Uint8Array(S)];
    const looked = 2 * S * this.examples <= MOST_CHECKED ? this.examples : Math.floor(MOST_CHECKED / 16 / S);
    for (let n = 0; n < looked; n++) this.read(Math.floor((n * this.examples) / looked), input, label);
  }

  /** What is wrong with an example that holds a token outside the vocabulary. */
  unknownToken(index: number, input: Uint8Array, label: Uint8Array): StudioError {
    const { vocab_size } = this.metadata;
    const wrong = (tokens: Uint8Array): number => tokens.findIndex((token) => token >= vocab_size);
    const [file, tokens] = wrong(input) >= 0 ? [this.inputs, input] : [this.labels, label];
    const place = wrong(tokens);
    return new StudioError(
      'damaged',
      `${file.path}: example ${index} holds the token ${tokens[place]} at place ${place}, and vocab_size is ${vocab_size}: build the dataset again.`,
    );
  }

  /** The puzzle that an example belongs to. */
  puzzleOf(example: number): number {
    let low = 0;
    let high = this.puzzleIndices.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.puzzleIndices[middle] <= example) low = middle;
      else high = middle;
    }
    return low;
  }

  close(): void {
    this.inputs.close();
    this.labels.close();
  }

  private check(file: (field: string) => string): void {
    const { metadata, inputs, labels, puzzleIndices, groupIndices, puzzleIdentifiers } = this;
    const damaged = (what: string): StudioError =>
      new StudioError('damaged', `${what}: build the dataset again, or copy it again.`);
    const S = metadata.seq_len;
    for (const npy of [inputs, labels]) {
      if (npy.shape.length !== 2 || npy.shape[1] !== S || npy.shape[0] !== inputs.shape[0]) {
        throw damaged(
          `${npy.path} has the shape ${npy.shape.join('×')}, and dataset.json (seq_len ${S}) and the inputs ask for ${inputs.shape[0]}×${S}`,
        );
      }
    }
    rises(puzzleIndices, inputs.shape[0], 'examples', file('puzzle_indices'), damaged);
    const puzzles = puzzleIndices.length - 1;
    rises(groupIndices, puzzles, 'puzzles', file('group_indices'), damaged);
    if (puzzleIdentifiers.length !== puzzles) {
      throw damaged(`${file('puzzle_identifiers')} has ${puzzleIdentifiers.length} entries for ${puzzles} puzzles`);
    }
    const rows = metadata.num_puzzle_identifiers;
    const odd = puzzleIdentifiers.findIndex((id) => id < 0 || id >= rows);
    if (odd >= 0) {
      throw damaged(
        `${file('puzzle_identifiers')}: entry ${odd} is ${puzzleIdentifiers[odd]}, and there are ${rows} identifiers`,
      );
    }
    const groups = groupIndices.length - 1;
    // The reference's Sudoku and maze builders write the number of groups as total_puzzles.
    if (metadata.total_puzzles === groups) metadata.total_puzzles = puzzles;
    for (const [key, found, array] of [
      ['total_puzzles', puzzles, 'puzzle_indices'],
      ['total_groups', groups, 'group_indices'],
    ] as const) {
      if (metadata[key] !== found)
        throw damaged(
          `${file(array)} has ${found} entries after the first, and dataset.json says ${key} ${metadata[key]}`,
        );
    }
  }
}

/** Index arrays go from 0 to the number of things, and nothing in between is empty. */
function rises(
  indices: Int32Array,
  end: number,
  what: string,
  file: string,
  damaged: (what: string) => StudioError,
): void {
  if (indices.length < 2) throw damaged(`${file} has ${indices.length} entries, and the least is 2`);
  if (indices[0] !== 0) throw damaged(`${file} begins with ${indices[0]} instead of 0`);
  for (let i = 1; i < indices.length; i++) {
    if (indices[i] > end) throw damaged(`${file}: entry ${i} is ${indices[i]}, and there are ${end} ${what}`);
    if (indices[i] <= indices[i - 1])
      throw damaged(`${file}: entry ${i} is ${indices[i]}, which does not exceed the one before it, ${indices[i - 1]}`);
  }
  const last = indices[indices.length - 1];
  if (last !== end) throw damaged(`${file} ends with ${last}, and there are ${end} ${what}`);
}

export class DatasetStore {
  private table: IdentifierTable | null | undefined;
  private readonly splits = new Map<SplitName, DatasetSplit>();

  private constructor(
    readonly path: string,
    readonly kind: PuzzleKind,
    readonly rows: number,
    readonly columns: number,
    /** Null for folders made elsewhere. */
    readonly sidecar: DatasetSidecar | null,
  ) {}

  /** @throws StudioError `not_found`, `damaged`, `bad_input` or `newer_version`; errors of the file system */
  static open(path: string): DatasetStore {
    if (!statSync(path).isDirectory()) {
      throw new StudioError('bad_input', `${path} is a file: choose the folder of a dataset.`);
    }
    const names = (['train', 'test'] as const).filter((name) => existsSync(join(path, name, 'dataset.json')));
    if (names.length === 0) {
      throw new StudioError(
        'not_found',
        `${path} holds no dataset (train/dataset.json is missing): choose the folder that a builder wrote.`,
      );
    }
    const sidecar = readSidecar(path);
    const metadata = readMetadata(join(path, names[0], 'dataset.json'));
    const layout = sidecar ?? guessLayout(metadata);
    if (!layout) {
      throw new StudioError(
        'bad_input',
        `${path}: ${metadata.vocab_size} tokens on ${metadata.seq_len} places is no puzzle that is known here (ARC, Sudoku, maze): use another dataset.`,
      );
    }
    if (layout.rows * layout.columns !== metadata.seq_len) {
      throw new StudioError(
        'damaged',
        `${path}: studio.json says ${layout.rows}×${layout.columns}, dataset.json ${metadata.seq_len} places: build the dataset again.`,
      );
    }
    return new DatasetStore(path, layout.kind, layout.rows, layout.columns, sidecar);
  }

  hasSplit(name: SplitName): boolean {
    return existsSync(join(this.path, name, 'dataset.json'));
  }

  /** Opened at the first call, then kept until {@link close}. @throws StudioError `not_found` if there is none */
  split(name: SplitName): DatasetSplit {
    let split = this.splits.get(name);
    if (!split) {
      if (!this.hasSplit(name)) {
        throw new StudioError(
          'not_found',
          `${this.path} has no ${name} split: build it with a ${name === 'test' ? 'test set' : 'training set'}.`,
        );
      }
      split = DatasetSplit.open(this.path, name);
      this.splits.set(name, split);
    }
    return split;
  }

  /** Opens every split and looks at its tokens: for folders that come from elsewhere. @throws StudioError `damaged` */
  check(): void {
    for (const name of ['train', 'test'] as const) if (this.hasSplit(name)) this.split(name).checkTokens();
  }

  /** The names by embedding row, or null where there is no identifiers.json. */
  identifiers(): IdentifierTable | null {
    if (this.table === undefined) {
      const file = join(this.path, 'identifiers.json');
      this.table = existsSync(file) ? namesCache.get(file, () => IdentifierTable.read(file)).table : null;
    }
    return this.table;
  }

  /** The name of an example's puzzle as in identifiers.json; "test 17" where puzzles have no names. */
  puzzleName({ split: name, index }: ExampleRef): string {
    const split = this.split(name);
    const id = split.puzzleIdentifiers[split.puzzleOf(index)];
    const table = id === split.metadata.blank_identifier_id ? null : this.identifiers();
    return table && id < table.length ? table.name(id) : `${name} ${index}`;
  }

  /** The tokens [S] of one example. @throws StudioError `not_found` if there is no such example */
  read({ split: name, index }: ExampleRef): { input: Uint8Array; label: Uint8Array } {
    const split = this.split(name);
    if (!(index >= 0 && index < split.examples)) {
      throw new StudioError(
        'not_found',
        `Example ${index} does not exist: the ${name} split of ${this.path} has ${split.examples}.`,
      );
    }
    const S = split.metadata.seq_len;
    const [input, label] = [new Uint8Array(S), new Uint8Array(S)];
    split.read(index, input, label);
    return { input, label };
  }

  close(): void {
    for (const split of this.splits.values()) split.close();
    this.splits.clear();
    this.table = undefined;
  }
}
