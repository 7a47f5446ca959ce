/**
 * JSON from strangers: sizes are asked before reading, depth before parsing, and what `JSON.parse` hides is told: keys
 * that stand twice (it keeps the last) and the order of keys that look like numbers (objects list those first, so the
 * task "10197236" would jump to the front of its collection).
 */
import { open, type FileHandle } from 'node:fs/promises';
import { StudioError } from '../../shared/errors';

/** The largest collection known, ARC-AGI-2's training set, has 4 MB. */
export const MAX_JSON_BYTES = 200 * 2 ** 20;
/** A collection of tasks is 6 levels deep. Deep nesting breaks whatever walks the value by recursion, such as IPC. */
export const MAX_JSON_DEPTH = 32;

export interface JsonDocument {
  value: unknown;
  /** The keys of the outermost object in the file's order; empty for anything else. */
  keys: string[];
  /** Keys that stand more than once in one object; `depth` 1 is the outermost. */
  duplicates: { key: string; depth: number; line: number; column: number }[];
}

const megabytes = (bytes: number): string =>
  `${(bytes / 2 ** 20).toLocaleString('en', { maximumFractionDigits: 1 })} MB`;

/** @throws StudioError `too_large` */
export function checkJsonSize(bytes: number, file: string, limit = MAX_JSON_BYTES): void {
  if (bytes > limit) {
    throw new StudioError(
      'too_large',
      `${file} has ${megabytes(bytes)}, and JSON is read up to ${megabytes(limit)}: split it, or leave it out.`,
    );
  }
}

/**
 * The bytes of a regular file of at most `limit` bytes; a larger one is refused unread.
 * @param name how the file is called in the sentences
 * @throws StudioError `too_large` or `bad_input`; errors of the file system as they are (shared/errors knows them)
 */
export async function readLimited(path: string, name = path, limit = MAX_JSON_BYTES): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const stat = await handle.stat();
    if (!stat.isFile()) throw new StudioError('bad_input', `${name} is not a regular file: choose a file.`);
    checkJsonSize(stat.size, name, limit);
    const bytes = await handle.readFile();
    checkJsonSize(bytes.byteLength, name, limit); // it may have grown meanwhile, and /proc's files claim 0 bytes
    return bytes;
  } finally {
    await handle?.close();
  }
}

/** @throws StudioError `bad_input` with the line and the column, counted from 1 */
export function parseJson(bytes: Uint8Array | string, file: string): JsonDocument {
  const text = typeof bytes === 'string' ? bytes.replace(/^\uFEFF/, '') : decode(bytes, file);
  if (text.trim() === '') throw new StudioError('bad_input', `${file} is empty: choose a file that holds a task.`);
  const { keys, duplicates } = new Scanner(text, file).scan();
  return { value: JSON.parse(text), keys, duplicates };
}

function decode(bytes: Uint8Array, file: string): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new StudioError('bad_input', `${file} is written in UTF-16: save it as UTF-8.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes); // drops a byte order mark by itself
  } catch {
    throw new StudioError('bad_input', `${file} is not JSON: its bytes are not UTF-8 text; choose another file.`);
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERAL = /true|false|null/y;
const ESCAPE = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;

type Expect = 'value' | 'value or ]' | 'key or }' | 'key' | 'comma or end' | 'nothing';

/** One pass over the text without recursion; JSON's grammar (RFC 8259) and nothing beside it. */
class Scanner {
  private at = 0;
  /** For every open bracket: the keys met so far, or null for a list. */
  private readonly open: (Set<string> | null)[] = [];
  private readonly found: JsonDocument['duplicates'] = [];

  constructor(
    private readonly text: string,
    private readonly file: string,
  ) {}

  scan(): { keys: string[]; duplicates: JsonDocument['duplicates'] } {
    let expect: Expect = 'value';
    let outermost: Set<string> | null = null;
    for (;;) {
      this.skipSpace();
      const ch = this.text[this.at];
      if (ch === undefined) {
        if (expect === 'nothing') break;
        this.fail('it ends too early');
      }
      if (expect === 'nothing') this.unexpected();
      else if (expect === 'comma or end') {
        const object = this.open[this.open.length - 1] !== null;
        if (ch === ',') {
          this.at++;
          expect = object ? 'key' : 'value';
        } else if (ch === (object ? '}' : ']')) expect = this.close();
        else this.unexpected();
      } else if (expect === 'key' || expect === 'key or }') {
        if (ch === '}' && expect === 'key or }') expect = this.close();
        else if (ch === '"') {
          this.key();
          expect = 'value';
        } else this.unexpected();
      } else if (ch === ']' && expect === 'value or ]') expect = this.close();
      else if (ch === '{' || ch === '[') {
        const keys = ch === '{' ? new Set<string>() : null;
        if (this.open.length === 0) outermost = keys;
        if (this.open.push(keys) > MAX_JSON_DEPTH) {
          this.fail(`it is nested more than ${MAX_JSON_DEPTH} levels deep`, 'is no file of tasks');
        }
        this.at++;
        expect = keys ? 'key or }' : 'value or ]';
      } else {
        if (ch === '"') this.string();
        else this.scalar();
        expect = this.open.length ? 'comma or end' : 'nothing';
      }
    }
    return { keys: outermost ? [...outermost] : [], duplicates: this.found };
  }

  private close(): Expect {
    this.at++;
    this.open.pop();
    return this.open.length ? 'comma or end' : 'nothing';
  }

  private key(): void {
    const start = this.at;
    this.string();
    const key = JSON.parse(this.text.slice(start, this.at)) as string;
    const keys = this.open[this.open.length - 1] as Set<string>;
    if (keys.has(key)) this.found.push({ key, depth: this.open.length, ...this.position(start) });
    keys.add(key);
    this.skipSpace();
    if (this.text[this.at] !== ':') this.unexpected();
    this.at++;
  }

  private string(): void {
    const { text } = this;
    const start = this.at++;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === 0x22) {
        this.at++;
        return;
      }
      if (Number.isNaN(code)) {
        this.at = start;
        this.fail('the text that begins here has no closing quote');
      }
      if (code < 0x20) this.fail('a text holds a line break or a control character');
      this.at++;
      if (code === 0x5c) this.match(ESCAPE);
    }
  }

  private scalar(): void {
    const pattern = /[-\d]/.test(this.text[this.at]) ? NUMBER : LITERAL;
    this.match(pattern);
  }

  private match(pattern: RegExp): void {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) this.unexpected();
    this.at = pattern.lastIndex;
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private position(at: number): { line: number; column: number } {
    let line = 1;
    let start = 0;
    for (let i = this.text.indexOf('\n'); i >= 0 && i < at; i = this.text.indexOf('\n', start)) {
      line++;
      start = i + 1;
    }
    return { line, column: at - start + 1 };
  }

  private unexpected(): never {
    const point = this.text.codePointAt(this.at);
    this.fail(point === undefined ? 'it ends too early' : `unexpected ${JSON.stringify(String.fromCodePoint(point))}`);
  }

  private fail(what: string, verdict = 'is not JSON'): never {
    const { line, column } = this.position(this.at);
    throw new StudioError(
      'bad_input',
      `${this.file} ${verdict}: ${what}, at line ${line}, column ${column}; mend the file or leave it out.`,
      { line, column },
    );
  }
}
