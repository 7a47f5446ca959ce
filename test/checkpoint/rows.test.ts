import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { meanRow, plannedRows, planRows } from '../../src/core/checkpoint/import/embedding-rows';
import { inspectCheckpoint } from '../../src/core/checkpoint/import/import';
import { startingWeights } from '../../src/core/checkpoint/import/starting-weights';
import { EMBEDDING, openCheckpoint } from '../../src/core/checkpoint/native/checkpoint';
import { IdentifierTable } from '../../src/core/data/identifiers';
import { NameIndex } from '../../src/core/data/name-index';
import { ARC_TINY, arcNames, bytesOf, importInto, numberedRow, request, tinyConfig, writeReference } from './model';

let home: string;
let counter = 0;
const fresh = (): string => join(home, `case-${counter++}`);
const table = (names: string[]) => IdentifierTable.parse(Buffer.from(JSON.stringify(names)), 'names');
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'trm-rows-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('embedding rows follow puzzle names', () => {
  it('on import with another dataset: found rows, the mean for new ones, and the counts of both', async () => {
    const folder = fresh();
    const names = arcNames();
    // The checkpoint knows every second puzzle, in the opposite order, and others besides.
    const known = names.filter((_, i) => i > 0 && i % 2 === 0).reverse();
    const identifiers = ['<blank>', 'unknown|||t0|||0123456789', ...known];
    const rows = identifiers.length;
    const { path } = await writeReference(folder, tinyConfig(), { identifiers, rows });
    const { path: studio, report } = await importInto(join(folder, 'studio'), path, { data_path: ARC_TINY });
    expect(report.embedding).toMatchObject({
      file_rows: rows, rows: names.length, matched: known.length + 1, mean: names.length - known.length - 1, rule: 'names',
    }); // prettier-ignore
    expect(report.embedding?.sentence).toMatch(/found by puzzle name; \d+ are new and start from the mean/);
    const { file, meta } = await openCheckpoint(studio);
    const mean = ((rows + 1) / 2) * 1; // of the numbers 1 … rows
    for (const [id, name] of names.entries()) {
      const at = identifiers.indexOf(name);
      const expected = id === 0 ? numberedRow(0) : at < 0 ? mean : numberedRow(at);
      expect(Array.from(new Set(await file.row(EMBEDDING, id)))).toEqual([expected]);
    }
    expect(meta).toMatchObject({
      num_puzzle_identifiers: names.length,
      seq_len: 900,
      kind: 'arc',
      rows: 30,
      step: 500,
    });
    expect(JSON.parse(Buffer.from(file.bytes('identifiers').buffer).toString())).toEqual(names);
    file.close();
  });

  it('without names the reference’s rule holds, said aloud', async () => {
    const total = arcNames().length;
    const other = await writeReference(fresh(), tinyConfig(), { rows: 7 });
    const report = inspectCheckpoint(request(other.path, { data_path: ARC_TINY }));
    expect(report.embedding).toMatchObject({ matched: 0, mean: total, rule: 'mean' });
    expect(report.embedding?.sentence).toMatch(
      /no identifiers\.json for the checkpoint.*7 rows.*every row starts from the mean, as in the reference/,
    );

    const same = await writeReference(fresh(), tinyConfig(), { rows: total });
    const equal = inspectCheckpoint(request(same.path, { data_path: ARC_TINY }));
    expect(equal.embedding).toMatchObject({ matched: total, mean: 0, rule: 'numbers' });
    expect(equal.embedding?.sentence).toMatch(/taken by number.*same build/);
  });

  it('names may be given by hand', async () => {
    const folder = fresh();
    const names = arcNames();
    const { path } = await writeReference(folder, tinyConfig(), { rows: names.length });
    const report = inspectCheckpoint(
      request(path, { data_path: ARC_TINY, identifiers: join(ARC_TINY, 'identifiers.json') }),
    );
    expect(report.embedding).toMatchObject({ matched: names.length, mean: 0, rule: 'names' });
  });

  it('in pieces as in one, also across their borders', () => {
    const width = 2 ** 19; // four rows make a piece
    const read = (first: number, count: number) =>
      Float32Array.from({ length: count * width }, (_, i) => first + Math.floor(i / width));
    const source = { rows: 9, width, read };
    const rows = Int32Array.of(8, -1, 3, 4, 5, 6, 7, 0, -1, 2);
    const plan = { rows, total: 10, matched: 8, mean: 2, rule: 'names', sentence: '' } as const;
    let means = 0;
    const mean = () => {
      means++;
      return meanRow(source);
    };
    const firsts: number[] = [];
    for (const piece of plannedRows(source, plan, mean))
      for (let i = 0; i < piece.length; i += width) firsts.push(piece[i + 5]);
    expect(firsts).toEqual([8, 4, 3, 4, 5, 6, 7, 0, 4, 2]);
    expect(means).toBe(2);
    expect(
      [...plannedRows(source, { ...plan, rows: null, total: 9 }, mean)].flatMap((p) => [p[0], p[p.length - 1]]),
    ).toEqual([0, 3, 4, 7, 8, 8]);
  });

  it('finds names by their bytes, whatever escapes the file uses', () => {
    const names = Array.from({ length: 500 }, (_, i) => `puzzle ${i}`);
    const index = new NameIndex(table(names));
    const escaped = IdentifierTable.parse(Buffer.from('["p\\u0075zzle 7", "puzzle 499", "puzzle 500", ""]'), 'x');
    expect([0, 1, 2, 3].map((id) => index.find(escaped, id))).toEqual([7, 499, -1, -1]);
  });

  it('the blank puzzle stays the blank puzzle, and equal names take the first row', () => {
    const plan = planRows({
      source: { rows: 4, names: table(['nothing', 'b', 'b', 'a']) },
      target: { rows: 3, names: table(['<blank>', 'a', 'b']), blank: 0 },
    });
    expect(Array.from(plan.rows as Int32Array)).toEqual([0, 3, 1]);
    expect(plan).toMatchObject({ matched: 3, mean: 0 });
  });
});

describe('load_checkpoint', () => {
  const config = tinyConfig();
  const names = () => table(arcNames());
  const spec = (arch = config.arch) => ({
    arch,
    seq_len: 900,
    vocab_size: 12,
    num_puzzle_identifiers: arcNames().length,
  });

  it('takes a step_N of the reference, rows by name', async () => {
    const identifiers = [...arcNames()].reverse();
    identifiers.unshift('<blank>');
    const { path, tensors } = await writeReference(fresh(), config, { identifiers, rows: identifiers.length });
    const { weights, embedding, notes } = startingWeights(path, config, spec(), names(), 0);
    expect(Buffer.from(weights.get('lm_head.weight')?.buffer as ArrayBuffer).toString('hex')).toBe(
      bytesOf(tensors.get('_orig_mod.model.inner.lm_head.weight') as never),
    );
    for (const id of [1, 5, arcNames().length - 1]) {
      expect(embedding?.[id * 32]).toBe(numberedRow(identifiers.indexOf(arcNames()[id])));
    }
    expect(notes.join(' ')).toMatch(/load_checkpoint: \d+ of \d+ embedding rows were found by puzzle name/);
  });

  it.each([
    ['arch.L_cycles', { L_cycles: 6 }, /arch\.L_cycles is 6 here and 4 in load_checkpoint/],
    ['arch.num_heads', { num_heads: 4 }, /arch\.num_heads is 4 here and 2 in load_checkpoint/],
  ])('refuses another %s', async (_key, arch, sentence) => {
    const { path } = await writeReference(fresh(), config);
    const other = tinyConfig(undefined, arch);
    expect(() => startingWeights(path, other, spec(other.arch), names(), 0)).toThrow(sentence);
  });

  it('lets exploration and number format differ', async () => {
    const { path } = await writeReference(fresh(), config);
    const other = tinyConfig(undefined, { halt_exploration_prob: 0.5, forward_dtype: 'float32' });
    expect(startingWeights(path, other, spec(other.arch), names(), 0).weights.size).toBeGreaterThan(5);
  });

  it('says what the weights cannot contradict where no all_config.yaml is there', async () => {
    const { path } = await writeReference(fresh(), config, { config: null });
    const { notes } = startingWeights(path, config, spec(), names(), 0);
    expect(notes[0]).toMatch(/No all_config\.yaml.*H_cycles 2, L_cycles 4, num_heads 2 are taken from this run/);
  });

  it('refuses a canvas other than that of a checkpoint of the studio', async () => {
    const folder = fresh();
    const { path } = await writeReference(folder, config);
    const studio = await importInto(join(folder, 'studio'), path, { data_path: ARC_TINY });
    expect(() => startingWeights(studio.path, config, { ...spec(), seq_len: 100 }, names(), 0)).toThrow(
      /the canvas \(seq_len\) is 100 here and 900 in load_checkpoint/,
    );
  });
});
