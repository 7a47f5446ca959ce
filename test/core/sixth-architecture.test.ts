/**
 * docs/architectures.md says how to add an architecture. Its blocks are applied here, word for word, to a copy of the
 * source; TypeScript checks the copy, and the new architecture trains.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type * as LoadModule from '../../src/core/backend/load';
import type * as TrainerModule from '../../src/core/train/trainer';
import type * as FieldsModule from '../../src/shared/config-fields';
import type { ArchName } from '../../src/shared/architectures';
import { tinyConfig } from './fixture';

const ROOT = join(__dirname, '../..');
const COPY = join(ROOT, 'test/artifacts/sixth');
const NAME = 'recursive_reasoning.trm_gated@TinyRecursiveReasoningModel_ACTV1' as ArchName;

/** Applies a block of the page: a whole file, or lines to add and to take out behind those that stay. */
function apply(kind: string, file: string, text: string): void {
  const path = join(COPY, file);
  if (kind === 'ts') {
    writeFileSync(path, text);
    return;
  }
  const lines = text.trimEnd().split('\n');
  const side = (mark: string) =>
    lines
      .filter((line) => line[0] !== mark)
      .map((line) => `${line.slice(1)}\n`)
      .join('');
  const source = readFileSync(path, 'utf8');
  const parts = source.split(side('+'));
  if (parts.length !== 2)
    throw new Error(`a block of docs/architectures.md fits ${parts.length - 1} places of ${file}`);
  writeFileSync(path, parts.join(side('-')));
}

beforeAll(() => {
  rmSync(COPY, { recursive: true, force: true });
  mkdirSync(COPY, { recursive: true });
  for (const layer of ['shared', 'core']) {
    cpSync(join(ROOT, 'src', layer), join(COPY, 'src', layer), { recursive: true });
  }
  const page = readFileSync(join(ROOT, 'docs/architectures.md'), 'utf8');
  const blocks = [...page.matchAll(/^```(ts|diff) file=(\S+)\n([\s\S]*?)^```$/gm)];
  expect(blocks).toHaveLength(5);
  for (const [, kind, file, text] of blocks) apply(kind, file, text);
});
afterAll(() => rmSync(COPY, { recursive: true, force: true }));

it('is accepted by TypeScript', () => {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.convertCompilerOptionsFromJson((config as { compilerOptions: object }).compilerOptions, ROOT);
  const files = ['src/core/model/registry.ts', 'src/shared/config.ts'].map((file) => join(COPY, file));
  const program = ts.createProgram(files, { ...options, noEmit: true, types: ['node'] });
  const messages = ts.getPreEmitDiagnostics(program).map(({ messageText, file }) => {
    return `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
  expect(messages).toEqual([]);
});

it('is a config, and learns', async () => {
  const load = <T>(file: string) => import(/* @vite-ignore */ join(COPY, file)) as Promise<T>;
  const { loadBackend } = await load<typeof LoadModule>('src/core/backend/load.ts');
  const { Trainer } = await load<typeof TrainerModule>('src/core/train/trainer.ts');
  const { checkConfig, configFields } = await load<typeof FieldsModule>('src/shared/config-fields.ts');
  await loadBackend();
  const base = tinyConfig({ global_batch_size: 4, lr: 1e-2, lr_warmup_steps: 0 });
  const config = { ...base, arch: { ...base.arch, name: NAME } };
  expect(checkConfig(config)).toEqual([]);
  expect(configFields().find((f) => f.path === 'arch.name')?.choices?.[NAME].label).toBe('TRM, gated');

  const spec = { arch: config.arch, seq_len: 4, vocab_size: 5, num_puzzle_identifiers: 2 };
  const trainer = new Trainer(config, spec, 100, null);
  const cells = Int32Array.from({ length: 16 }, (_, i) => i % 5);
  const batch = { size: 4, filled: 4, inputs: cells, labels: cells, puzzle_identifiers: new Int32Array(4) };
  const losses = Array.from({ length: 20 }, () => trainer.run(batch).metrics.lm_loss);
  expect(losses[19]).toBeLessThan(losses[0] / 2);
  const { weights } = await trainer.snapshot();
  expect(weights.get('gate')?.some((x) => Math.abs(x - 2) > 1e-3)).toBe(true);
  trainer.dispose();
});
