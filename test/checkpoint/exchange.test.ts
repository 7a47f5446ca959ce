import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ARCH_NAMES, ARCHITECTURES } from '../../src/shared/architectures';
import { parseAllConfig } from '../../src/core/checkpoint/import/all-config';
import { fromFloat32 } from '../../src/core/checkpoint/formats/dtypes';
import { exportCheckpoint } from '../../src/core/checkpoint/export/export';
import { importCheckpoint, inspectCheckpoint } from '../../src/core/checkpoint/import/import';
import type { ImportRequest } from '../../src/shared/checkpoint';
import { openTensorFile } from '../../src/core/checkpoint/formats/open';
import { readCheckpoint } from '../../src/core/checkpoint/native/checkpoint';
import { contentOf, CORPUS } from './fixtures';
import { ARC_TINY, arcNames, bytesOf, importInto, quiet, request, tinyConfig, writeReference } from './model';

let home: string;
let counter = 0;
const fresh = (): string => join(home, `case-${counter++}`);
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'trm-exchange-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const exportOf = (checkpoint: string, out: string, format: 'pytorch' | 'safetensors') =>
  exportCheckpoint(
    { checkpoint, format, weights: 'ema', out, keys: 'compiled', data_paths: null, overwrite: false },
    quiet,
  );

describe('out and in again', () => {
  it.each(ARCH_NAMES)('%s comes back byte for byte in both formats', async (name) => {
    const folder = fresh();
    const config = tinyConfig(name);
    const { path, tensors } = await writeReference(join(folder, 'reference'), config, { rows: 20 });
    const { path: studio, report } = await importInto(join(folder, 'studio'), path);
    expect(report).toMatchObject({ step: 500, format: 'pytorch', warnings: [], exact: false });
    // No dataset says the canvas; everything else is in all_config.yaml.
    expect(report.assumed.map(({ key }) => key)).toEqual(['seq_len']);
    const expected = Object.fromEntries(
      [...tensors].map(([key, t]) => [key, { dtype: t.dtype, shape: t.shape, hex: bytesOf(t) }]),
    );
    for (const format of ['pytorch', 'safetensors'] as const) {
      const out = await exportOf(studio, join(folder, format), format);
      const [{ path: written }] = out.files;
      const file = openTensorFile(written);
      expect(file.format).toBe(format);
      expect(contentOf(file)).toEqual(expected);
      file.close();
      const again = parseAllConfig(readFileSync(join(out.folder, 'all_config.yaml'), 'utf8')).config;
      expect(again).toEqual({ ...config, data_paths: [], studio: again.studio });
      // And what was exported can be imported again.
      expect(inspectCheckpoint(request(written)).config.arch).toEqual(report.config.arch);
    }
  });

  it('with rows and columns as positions: by name in safetensors, refused as the reference’s own format', async () => {
    const folder = fresh();
    const config = tinyConfig(undefined, { pos_encodings: 'rope2d' });
    const { path } = await writeReference(join(folder, 'reference'), config, { rows: 20 });
    const { path: studio } = await importInto(join(folder, 'studio'), path);
    const { files } = await exportOf(studio, join(folder, 'safetensors'), 'safetensors');
    expect(inspectCheckpoint(request(files[0].path)).config.arch.pos_encodings).toBe('rope2d');
    const refused = exportOf(studio, join(folder, 'pytorch'), 'pytorch');
    await expect(refused).rejects.toThrow(/pos_encodings is rope2d, which the reference does not have.*safetensors/);
    expect(existsSync(join(folder, 'pytorch'))).toBe(false);
  });

  it('goes on exactly from a checkpoint of a run: the file is taken whole', async () => {
    const folder = fresh();
    const { path } = await writeReference(join(folder, 'reference'), tinyConfig());
    const first = await importInto(join(folder, 'first'), path);
    // With weights only there is nothing to go on from exactly; a second import of it keeps saying so.
    const second = await importInto(join(folder, 'second'), first.path);
    expect(second.report).toMatchObject({ format: 'studio', exact: false, step: 500 });
    expect(contentOf(openTensorFile(second.path))).toEqual(contentOf(openTensorFile(first.path)));
  });

  it('a state dict of the reference’s own model comes back byte for byte', async () => {
    const folder = fresh();
    const path = join(CORPUS, 'reference/step_30');
    const overrides = { 'arch.L_cycles': 3, 'arch.H_cycles': 2, 'arch.num_heads': 2, 'arch.puzzle_emb_len': 2 };
    const studio = await importInto(join(folder, 'studio'), path, { overrides });
    expect(studio.report.config.arch).toMatchObject({ hidden_size: 16, L_layers: 1, puzzle_emb_ndim: 16 });
    const { files } = await exportOf(studio.path, join(folder, 'out'), 'pytorch');
    const [before, after] = [path, files[0].path].map((at) => openTensorFile(at));
    expect(contentOf(after)).toEqual(contentOf(before));
    expect(after.tensors.get('_orig_mod.model.inner.H_init')?.dtype).toBe('BF16');
  });

  it('does not write over a step_N unless asked to', async () => {
    const folder = fresh();
    const { path } = await writeReference(join(folder, 'reference'), tinyConfig());
    const studio = await importInto(join(folder, 'studio'), path);
    await exportOf(studio.path, join(folder, 'out'), 'pytorch');
    await expect(exportOf(studio.path, join(folder, 'out'), 'pytorch')).rejects.toThrow(/step_500 is already there/);
  });

  it('reads names without the prefix of compiled runs, and of the inner model alone', async () => {
    for (const prefix of ['model.inner.', '']) {
      const { path } = await writeReference(fresh(), tinyConfig(), { prefix });
      expect(inspectCheckpoint(request(path)).step).toBe(500);
    }
  });
});

describe('without all_config.yaml', () => {
  it.each(ARCH_NAMES)('%s is told by its tensors, and what they do not show is listed', async (name) => {
    const { path } = await writeReference(fresh(), tinyConfig(name), { config: null });
    const report = inspectCheckpoint(request(path));
    expect(report.config_from).toBeNull();
    expect(report.config.arch).toMatchObject({ name, hidden_size: 32, puzzle_emb_ndim: 32 });
    const keys = report.assumed.map(({ key }) => key);
    if (!ARCHITECTURES[name].ignores.includes('L_cycles')) expect(keys).toContain('arch.L_cycles');
    expect(keys).toContain('seq_len');
    for (const { why } of report.assumed) expect(why.length).toBeGreaterThan(10);
  });

  it('takes the prefix from the tokens where a tensor fixes them, and settings given by hand', async () => {
    const config = tinyConfig(undefined, { mlp_t: true, puzzle_emb_len: 5 });
    const { path } = await writeReference(fresh(), config, { config: null, rows: arcNames().length });
    const overrides = { 'arch.L_cycles': 4, 'arch.H_cycles': 2 };
    const report = inspectCheckpoint(request(path, { data_path: ARC_TINY, overrides }));
    expect(report.config.arch).toMatchObject({ mlp_t: true, puzzle_emb_len: 5, L_cycles: 4, H_cycles: 2 });
    expect(report.assumed.map(({ key }) => key)).not.toContain('arch.L_cycles');
  });
});

describe('what does not fit is refused with both values before anything is written', () => {
  const refusal = (path: string, more: Partial<ImportRequest> = {}): string => {
    try {
      inspectCheckpoint(request(path, more));
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing was refused';
  };

  it.each([
    ['hidden size', { hidden_size: 64 }, /arch\.hidden_size is 64 there and 32 in its weights/],
    ['layers', { L_layers: 3 }, /arch\.L_layers is 3 there and 1 in its weights/],
    ['the MLP', { mlp_t: true }, /arch\.mlp_t is true there and false in its weights/],
    ['the embedding', { puzzle_emb_ndim: 64 }, /arch\.puzzle_emb_ndim is 64 there and 32 in its weights/],
    ['positions', { pos_encodings: 'learned' }, /it lacks embed_pos\.embedding_weight/],
    ['the architecture', { name: ARCH_NAMES[3] }, /arch\.name is ".*hrm@.*" there and ".*trm@/],
  ])('%s', async (_what, arch, sentence) => {
    const { path } = await writeReference(fresh(), tinyConfig(), { config: tinyConfig(undefined, arch) });
    expect(refusal(path)).toMatch(sentence);
  });

  it('another vocabulary than the dataset’s', async () => {
    const { path } = await writeReference(fresh(), tinyConfig(), { vocab_size: 11, seq_len: 81 });
    expect(refusal(path, { data_path: ARC_TINY })).toMatch(
      /vocabulary \(vocab_size\) is 12 there and 11 in its weights/,
    );
  });

  it('another canvas than the weights are for', async () => {
    const learned = tinyConfig(undefined, { pos_encodings: 'learned' });
    const { path } = await writeReference(fresh(), learned, { seq_len: 100 });
    expect(refusal(path, { data_path: ARC_TINY })).toMatch(
      /canvas has 900 cells there, and its weights are for 102 tokens.*\[102, 32\].*\[902, 32\]/,
    );
  });

  it('missing, unexpected and misshapen tensors, all by name', async () => {
    const { path } = await writeReference(fresh(), tinyConfig(), {
      edit: (tensors) => {
        const key = (name: string) => `_orig_mod.model.inner.${name}`;
        tensors.delete(key('lm_head.weight'));
        tensors.set(key('extra.weight'), { dtype: 'F32', shape: [1], pieces: () => [Buffer.alloc(4)] });
        tensors.set('stray', { dtype: 'F32', shape: [1], pieces: () => [Buffer.alloc(4)] });
        tensors.set(key('q_head.bias'), { dtype: 'F32', shape: [3], pieces: () => [Buffer.alloc(12)] });
      },
    });
    expect(refusal(path)).toMatch(
      /it lacks lm_head\.weight; it has extra\.weight, stray, which the model does not; q_head\.bias is \[3\] in the file and \[2\] in the model/,
    );
  });

  it('tensors of another kind of model', async () => {
    const { path } = await writeReference(fresh(), tinyConfig(), {
      edit: (tensors) => {
        tensors.clear();
        tensors.set('wte.weight', { dtype: 'F32', shape: [1], pieces: () => [Buffer.alloc(4)] });
      },
    });
    expect(refusal(path)).toMatch(/no checkpoint of a Tiny Recursive Model.*wte\.weight/);
  });

  it('NaN weights are a warning that names the tensor, in the table too', async () => {
    const folder = fresh();
    const { path } = await writeReference(folder, tinyConfig(), {
      edit: (tensors) => {
        const bad = Float32Array.of(NaN, Infinity);
        tensors.set('_orig_mod.model.inner.q_head.bias', {
          dtype: 'F32',
          shape: [2],
          pieces: () => [fromFloat32(bad, 'F32')],
        });
        const rows = new Float32Array(20 * 32).fill(NaN, 0, 3);
        tensors.set('_orig_mod.model.inner.puzzle_emb.weights', {
          dtype: 'F32',
          shape: [20, 32],
          pieces: () => [fromFloat32(rows, 'F32')],
        });
      },
    });
    const named = [
      expect.stringMatching(/^q_head\.bias has 2 numbers that are NaN or infinite/),
      expect.stringMatching(/^puzzle_emb\.weights has 3 numbers that are NaN/),
    ];
    expect(inspectCheckpoint(request(path)).warnings).toEqual(named);
    const { path: studio, report } = await importInto(join(folder, 'studio'), path);
    expect(report.warnings).toEqual(named);
    // What the studio wrote is looked at as well, before it is used.
    expect(inspectCheckpoint(request(studio)).warnings).toEqual(named);
  });

  it('a cancelled import leaves nothing', async () => {
    const folder = fresh();
    const { path } = await writeReference(folder, tinyConfig());
    const out = join(folder, 'studio');
    const cancelled = importCheckpoint(request(path), () => join(out, 'step_500.safetensors'), {
      ...quiet,
      stopped: () => true,
    });
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
  });

  it('a choice against all_config.yaml is taken, with a warning that has both values', async () => {
    const { path } = await writeReference(fresh(), tinyConfig());
    const report = inspectCheckpoint(request(path, { overrides: { 'arch.L_cycles': 6 } }));
    expect(report.config.arch.L_cycles).toBe(6);
    expect(report.warnings[0]).toMatch(/arch\.L_cycles is 6 by your choice and 4 in .*all_config\.yaml/);
  });
});

describe('an imported checkpoint', () => {
  it('is whole: moments at zero, the average equal to the weights, an empty carry', async () => {
    const folder = fresh();
    const { path } = await writeReference(folder, tinyConfig());
    const studio = await importInto(join(folder, 'studio'), path, { data_path: ARC_TINY });
    const { snapshot, meta } = await readCheckpoint(studio.path);
    expect(meta.weights_only).toBe(true);
    expect(snapshot.step).toBe(500);
    expect(snapshot.ema.get('lm_head.weight')).toEqual(snapshot.weights.get('lm_head.weight'));
    expect(snapshot.m.get('lm_head.weight')?.every((x) => x === 0)).toBe(true);
    expect(Array.from(snapshot.carry.halted)).toEqual([1, 1, 1, 1]);
    expect(snapshot.latents.size).toBe(0);
  });
});
