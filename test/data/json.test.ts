import { mkdtempSync, openSync, closeSync, ftruncateSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_JSON_DEPTH, parseJson, readLimited } from '../../src/core/arc/json';
import { Random } from '../../src/core/lib/random';

const sentence = (text: string | Uint8Array): string => {
  try {
    parseJson(text, 'x.json');
  } catch (error) {
    return (error as Error).message;
  }
  return 'fine';
};

describe('JSON', () => {
  it('keeps the order of keys that look like numbers, where objects do not', () => {
    const text = '{"b": 1, "10197236": 2, "a": 3, "42918530": 4, "00576224": 5}';
    const { keys, value } = parseJson(text, 'x.json');
    expect(keys).toEqual(['b', '10197236', 'a', '42918530', '00576224']);
    expect(Object.keys(value as object)).not.toEqual(keys); // the reason for all this
  });

  it('tells keys that stand twice, with their place', () => {
    const { duplicates } = parseJson('{"a": {"x": 1,\n "x": 2}, "b": [{"x": 1}],\n  "\\u0061": 3}', 'x.json');
    expect(duplicates).toEqual([
      { key: 'x', depth: 2, line: 2, column: 2 },
      { key: 'a', depth: 1, line: 3, column: 3 },
    ]);
  });

  it('may begin with a byte order mark', () => {
    expect(parseJson(Buffer.from('\uFEFF{"a": 1}', 'utf8'), 'x.json').value).toEqual({ a: 1 });
    expect(parseJson('\uFEFF[1]', 'x.json').value).toEqual([1]);
  });

  it.each([
    ['{"a": 1,\n "b": }', 'unexpected "}", at line 2, column 7'],
    ['{"a": 1,}', 'unexpected "}", at line 1, column 9'],
    ['[1, 2,]', 'unexpected "]", at line 1, column 7'],
    ['[1 2]', 'unexpected "2", at line 1, column 4'],
    ['[01]', 'unexpected "1", at line 1, column 3'],
    ['[1.]', 'unexpected ".", at line 1, column 3'],
    ['[+1]', 'unexpected "+", at line 1, column 2'],
    ['{"a" 1}', 'unexpected "1", at line 1, column 6'],
    ["{'a': 1}", 'unexpected "\'", at line 1, column 2'],
    ['[1]]', 'unexpected "]", at line 1, column 4'],
    ['NaN', 'unexpected "N", at line 1, column 1'],
    ['["a\nb"]', 'a text holds a line break or a control character, at line 1, column 4'],
    ['["a\\x"]', 'unexpected "x", at line 1, column 5'],
    ['["abc]', 'the text that begins here has no closing quote, at line 1, column 2'],
    ['{"a": [1, 2', 'it ends too early, at line 1, column 12'],
    ['# Title', 'unexpected "#", at line 1, column 1'],
  ])('%j is refused with its place', (text, place) => {
    expect(sentence(text)).toBe(`x.json is not JSON: ${place}; mend the file or leave it out.`);
    expect(() => JSON.parse(text) as unknown).toThrow();
  });

  it('is refused if empty, binary or UTF-16', () => {
    expect(sentence('')).toBe('x.json is empty: choose a file that holds a task.');
    expect(sentence(' \n')).toBe('x.json is empty: choose a file that holds a task.');
    expect(sentence(Uint8Array.of(0x89, 0x50, 0x4e, 0x47))).toContain('its bytes are not UTF-8 text');
    expect(sentence(Buffer.from('\uFEFF[1]', 'utf16le'))).toBe('x.json is written in UTF-16: save it as UTF-8.');
  });

  it('nested 100 000 deep is refused without recursion, opened or also closed', () => {
    const place = `at line 1, column ${MAX_JSON_DEPTH + 1}`;
    for (const text of ['['.repeat(100_000), '['.repeat(100_000) + ']'.repeat(100_000), '{"a":'.repeat(100_000)]) {
      expect(sentence(text)).toMatch(/^x\.json is no file of tasks: it is nested more than 32 levels deep, at line 1/);
    }
    expect(sentence('['.repeat(100_000))).toContain(place);
    expect(sentence('['.repeat(MAX_JSON_DEPTH) + ']'.repeat(MAX_JSON_DEPTH))).toBe('fine');
  });

  it('is accepted and read exactly where JSON.parse does, on texts broken at random', () => {
    const random = new Random(7, 'json');
    const source = '{"a": [1, -2.5e+3, "x\\n\\u00e9", {"b": null, "c": [true, false]}], "d": {}, "e": []}';
    const marks = '{}[]",:\\0123-+.eE tfnu\n\u0001';
    for (let n = 0; n < 5000; n++) {
      let text = source;
      for (let edits = random.integer(1, 3); edits > 0; edits--) {
        const at = random.integer(0, text.length);
        const mark = marks[random.integer(0, marks.length - 1)];
        text = text.slice(0, at) + (random.uniform() < 0.5 ? mark : '') + text.slice(at + random.integer(0, 1));
      }
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        expect(sentence(text), text).not.toBe('fine');
        continue;
      }
      expect(parseJson(text, 'x.json').value, text).toEqual(expected);
    }
  });
});

describe('reading a file', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'trm-json-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('refuses 2 GB unread, naming size and limit', async () => {
    const path = join(folder, 'big.json');
    const fd = openSync(path, 'w');
    ftruncateSync(fd, 2 * 2 ** 30); // sparse: takes no room
    closeSync(fd);
    const before = process.memoryUsage().rss;
    await expect(readLimited(path, 'big.json')).rejects.toMatchObject({
      code: 'too_large',
      message: 'big.json has 2,048 MB, and JSON is read up to 200 MB: split it, or leave it out.',
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });

  it('reads a small one, and refuses a folder', async () => {
    const path = join(folder, 'small.json');
    writeFileSync(path, '[1]');
    expect(Buffer.from(await readLimited(path)).toString()).toBe('[1]');
    await expect(readLimited(folder)).rejects.toMatchObject({ code: 'bad_input' });
    await expect(readLimited(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
