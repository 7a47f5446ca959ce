/**
 * A command line as text, split as a POSIX shell would: quotes, backslashes, continued lines, comments, and the variables
 * that the text itself sets (`run_name="x"` above the command that says `${run_name}`). Nothing is run or substituted
 * beyond that.
 */
import { StudioError } from '../errors';

/** One command: the words up to an unquoted end of line, `;`, `&`, `|` or a redirection. */
export type ShellWords = string[];

/** The longest published command lines have some two thousand. */
const MOST_CHARACTERS = 100_000;
const SET = /^[A-Za-z_]\w*=/;

/**
 * @returns the commands with a word in them, in order; variables set by earlier ones stand in the later ones
 * @throws StudioError `bad_input` for a quote that is not closed or a variable that the text does not set
 */
export function shellCommands(text: string): ShellWords[] {
  if (text.length > MOST_CHARACTERS) {
    throw new StudioError(
      'too_large',
      `The text has ${text.length.toLocaleString('en-US')} characters, far more than a command: paste the command alone.`,
    );
  }
  const commands: ShellWords[] = [];
  const variables = new Map<string, string>();
  const reader = new Reader(text, variables);
  for (let words = reader.command(); words; words = reader.command()) {
    if (!words.length) continue;
    if (words.every((word) => SET.test(word))) {
      for (const word of words) variables.set(word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1));
    }
    commands.push(words);
  }
  return commands;
}

class Reader {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly variables: ReadonlyMap<string, string>,
  ) {}

  /** The next command's words, or null at the end of the text. */
  command(): ShellWords | null {
    if (this.at >= this.text.length) return null;
    const words: ShellWords = [];
    for (;;) {
      // Every blank that ends a word, also the unbreakable one that pages paste: else none would get past it.
      while (this.at < this.text.length && (/[^\S\n]/.test(this.text[this.at]) || this.continued())) {
        this.at += this.continued() || 1;
      }
      const c = this.text[this.at];
      if (c === '#') while (this.at < this.text.length && this.text[this.at] !== '\n') this.at++;
      if (this.at >= this.text.length) return words;
      if (/[\n;&|<>]/.test(this.text[this.at])) {
        this.at++;
        return words;
      }
      words.push(this.word());
    }
  }

  /** Length of a backslash and the end of line behind it; blanks between them are a slip that pasting makes. */
  private continued(): number {
    if (this.text[this.at] !== '\\') return 0;
    return /^\\[ \t]*\r?\n/.exec(this.text.slice(this.at, this.at + 200))?.[0].length ?? 0;
  }

  private word(): string {
    let word = '';
    // Lists are often pasted without their quotes: blanks and line ends inside brackets belong to the word.
    let depth = 0;
    for (; this.at < this.text.length;) {
      const c = this.text[this.at];
      const skip = this.continued();
      if (skip) this.at += skip;
      else if (c === '\\') {
        word += this.text[this.at + 1] ?? '\\';
        this.at += 2;
      } else if (c === "'") word += this.quoted();
      else if (c === '"') word += this.doubleQuoted();
      else if (c === '$') word += this.variable();
      else if (depth <= 0 && /[\s;&|<>]/.test(c)) break;
      else {
        if (c === '[' || c === '{') depth++;
        if (c === ']' || c === '}') depth--;
        word += c;
        this.at++;
      }
    }
    return word;
  }

  private quoted(): string {
    const end = this.text.indexOf("'", this.at + 1);
    if (end < 0) throw unclosed("'");
    const inner = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return inner;
  }

  private doubleQuoted(): string {
    let inner = '';
    for (this.at++; this.at < this.text.length;) {
      const c = this.text[this.at];
      const skip = this.continued();
      if (skip) this.at += skip;
      else if (c === '"') {
        this.at++;
        return inner;
      } else if (c === '\\' && /["\\$`]/.test(this.text[this.at + 1] ?? '')) {
        inner += this.text[this.at + 1];
        this.at += 2;
      } else if (c === '$') inner += this.variable();
      else {
        inner += c;
        this.at++;
      }
    }
    throw unclosed('"');
  }

  private variable(): string {
    const found = /^\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/.exec(this.text.slice(this.at, this.at + 300));
    if (!found) {
      this.at++;
      return '$';
    }
    const name = found[1] ?? found[2];
    const value = this.variables.get(name);
    if (value === undefined) {
      throw new StudioError(
        'bad_input',
        `The command names ${found[0]}, which it does not set: write its value instead.`,
      );
    }
    this.at += found[0].length;
    return value;
  }
}

const unclosed = (quote: string): StudioError =>
  new StudioError('bad_input', `The command has a ${quote} that is not closed: paste the whole of it.`);
