/**
 * The CSVs of the reference's Sudoku and maze builders (source, q, a, rating), row by row: the full Sudoku set has four
 * million of them. RFC 4180, as Python's `csv` reads it.
 */
import { StudioError } from '../../shared/errors';
import type { ByteSource } from './byte-source';

export interface CsvFile {
  /** How it is called in the sentences. */
  name: string;
  source: ByteSource;
}

export interface CsvRow {
  /** In the file, counted from 1. */
  line: number;
  q: string;
  a: string;
  /** Null where the file has no such column. */
  rating: string | null;
  /** Bytes of the file up to here. */
  bytes: number;
}

/** What the columns are called, here and in other collections of the same kind. */
const COLUMNS = {
  q: ['q', 'question', 'puzzle', 'quizzes', 'quiz'],
  a: ['a', 'answer', 'solution', 'solutions'],
  rating: ['rating', 'difficulty'],
};
const MAX_LINE = 64 * 1024;

/**
 * The columns that hold puzzle, solution and rating, or null if this line is not the header of such a file.
 * @param fields of the first line
 */
export function csvColumns(fields: readonly string[]): { q: number; a: number; rating: number } | null {
  const names = fields.map((field) =>
    field
      .replace(/^\uFEFF/, '')
      .trim()
      .toLowerCase(),
  );
  const find = (known: readonly string[]): number => names.findIndex((name) => known.includes(name));
  const [q, a, rating] = [find(COLUMNS.q), find(COLUMNS.a), find(COLUMNS.rating)];
  return q >= 0 && a >= 0 ? { q, a, rating } : null;
}

/** The fields of one line. Quotes may hold commas and doubled quotes, and no line breaks: puzzles have none. */
export function splitCsvLine(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let field = '';
    if (line[at] === '"') {
      at++;
      for (;;) {
        const end = line.indexOf('"', at);
        if (end < 0) return [...fields, field + line.slice(at)];
        field += line.slice(at, end);
        at = end + 1;
        if (line[at] !== '"') break;
        field += '"';
        at++;
      }
    }
    const comma = line.indexOf(',', at);
    field += line.slice(at, comma < 0 ? undefined : comma);
    fields.push(field);
    if (comma < 0) return fields;
    at = comma + 1;
  }
}

/** @throws StudioError `bad_input` naming the line; errors of the file system */
export async function* readPuzzleCsv({ name: path, source }: CsvFile): AsyncGenerator<CsvRow> {
  let columns: ReturnType<typeof csvColumns> = null;
  let width = 0;
  for await (const { line, text, bytes } of readLines(path, source)) {
    if (line === 1) {
      const fields = splitCsvLine(text);
      columns = csvColumns(fields);
      width = fields.length;
      if (!columns) {
        throw new StudioError(
          'bad_input',
          `${path}: line 1 is ${JSON.stringify(text.slice(0, 60))}, where the columns should be named: begin the file with source,q,a,rating.`,
        );
      }
      continue;
    }
    if (text === '') continue;
    const fields = splitCsvLine(text);
    if (fields.length !== width) {
      throw new StudioError(
        'bad_input',
        `${path}: line ${line} has ${fields.length} ${fields.length === 1 ? 'field' : 'fields'} where line 1 names ${width}: mend or remove the line.`,
      );
    }
    const { q, a, rating } = columns as NonNullable<typeof columns>;
    yield { line, q: fields[q], a: fields[a], rating: rating < 0 ? null : fields[rating], bytes };
  }
  if (!columns) throw new StudioError('bad_input', `${path} is empty: choose a file with source,q,a,rating.`);
}

const CHUNK = 2 ** 20;

async function* readLines(
  path: string,
  source: ByteSource,
): AsyncGenerator<{ line: number; text: string; bytes: number }> {
  let rest = '';
  let line = 0;
  for (let bytes = 0; bytes < source.size;) {
    const chunk = await source.read(bytes, CHUNK);
    if (chunk.byteLength === 0) break;
    bytes += chunk.byteLength;
    // Latin-1: what is not ASCII is refused as a wrong character where it matters.
    const text = rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      yield { line: ++line, text: text.slice(from, text[end - 1] === '\r' ? end - 1 : end), bytes };
      from = end + 1;
    }
    rest = text.slice(from);
    if (rest.length > MAX_LINE) {
      throw new StudioError(
        'bad_input',
        `${path}: line ${line + 1} has more than ${MAX_LINE} characters: choose a CSV of puzzles.`,
      );
    }
  }
  if (rest !== '') yield { line: line + 1, text: rest, bytes: source.size };
}

/**
 * Checks the length and the characters of one field, and takes its cells.
 *
 * @param out [length] receives what `values` says of each character
 * @param values by character code; 255 is a character that must not stand there
 * @throws StudioError `bad_input` with the file, the line, the field, what is there and what should be
 */
export function readCells(
  text: string,
  out: Uint8Array,
  values: Uint8Array,
  where: { path: string; line: number; field: string; allowed: string },
): void {
  if (text.length !== out.length) {
    throw new StudioError(
      'bad_input',
      `${where.path}: line ${where.line}, ${where.field} has ${text.length} characters instead of ${out.length}: mend or remove the line.`,
    );
  }
  for (let i = 0; i < out.length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 256 ? values[code] : 255;
    if (value === 255) {
      throw new StudioError(
        'bad_input',
        `${where.path}: line ${where.line}, ${where.field}, character ${i + 1} is ${JSON.stringify(text[i])}: use ${where.allowed}.`,
      );
    }
    out[i] = value;
  }
}

/** A table for {@link readCells}: character → value. */
export function cellValues(entries: Iterable<readonly [string, number]>): Uint8Array {
  const values = new Uint8Array(256).fill(255);
  for (const [character, value] of entries) values[character.charCodeAt(0)] = value;
  return values;
}
