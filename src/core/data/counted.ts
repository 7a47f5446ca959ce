/** What an import says once for many files: what was decided for them, and what was left out of them. */
import { MAX_GRID } from '../../shared/arc';
import type { ImportProblem } from '../../shared/contract/imports';
import type { GatheredFile } from './gather';

/** Things of one kind that are told in one sentence, with the first few of them. */
class Counted<T> {
  private readonly shown: string[] = [];
  private n = 0;
  /** What the first one is about. */
  first: T | null = null;

  add(about: T, place: string): void {
    this.first ??= about;
    if (this.shown.length < 3) this.shown.push(place);
    this.n++;
  }

  get count(): number {
    return this.n;
  }

  /** "a.json, b.json, c.json, …" */
  get some(): string {
    return this.shown.join(', ') + (this.n > this.shown.length ? ', …' : '');
  }
}

/** A file of another kind is wrong everywhere, and a small packed one can hold millions of lines. */
const MOST_FAULTS = 100;

/** What is wrong with one file: the first faults, and how many more there are. */
export class FirstFaults {
  private readonly first: string[] = [];
  private more = 0;

  /** Bound, so that it can be handed on. */
  readonly add = (message: string): void => {
    if (this.first.length < MOST_FAULTS) this.first.push(message);
    else this.more++;
  };

  /** @param name the file's, for the sentence on those that are not told */
  tell(name: string, fault: (message: string) => void): void {
    this.first.forEach(fault);
    if (this.more === 0) return;
    const faults = this.more === 1 ? 'fault' : 'faults';
    fault(`${name} has ${this.more.toLocaleString('en')} more ${faults}: mend the first ones and try again.`);
  }
}

const tasks = (n: number): string => (n === 1 ? '1 task has' : `${n.toLocaleString('en')} tasks have`);

export class CountedFaults {
  /** Tasks with larger grids than a task may have, by their places. */
  readonly oversized = new Counted<GatheredFile>();
  /** Tasks with pairs under `arc-gen` that are left out. */
  readonly generated = new Counted<GatheredFile>();
  private readonly notes = new Map<string, Counted<GatheredFile>>();

  /** @param text what was decided for the file, as a clause */
  note(file: GatheredFile, text: string): void {
    const files = this.notes.get(text) ?? new Counted<GatheredFile>();
    this.notes.set(text, files);
    files.add(file, file.relative);
  }

  /** One for each kind. @param nothing whether there is nothing else in the import, so that being left out is a fault */
  problems(nothing: boolean): ImportProblem[] {
    const problems: ImportProblem[] = [];
    const say = (about: GatheredFile | null, message: string, harmless = true): void => {
      if (about) problems.push({ file: about.path, message, harmless });
    };
    for (const [text, files] of this.notes) say(files.first, `${files.some}: ${text}.`);
    const { oversized, generated } = this;
    say(
      oversized.first,
      `${tasks(oversized.count)} a grid of more than ${MAX_GRID} rows or columns (${oversized.some}): left out.`,
      !nothing,
    );
    say(
      generated.first,
      `${tasks(generated.count)} further pairs under "arc-gen" (${generated.some}), which are left out: take them as demonstrations with \`trm datasets import --arc-gen\`.`,
    );
    return problems;
  }
}
