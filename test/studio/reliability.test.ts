/** The short form of docs/reliability.md: some kills of each job, and some disks that a power cut may leave. */
import { spawn, spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { whyNoClone } from '../../scripts/reliability/lib/setup-clone.mjs';
import { builtEntries } from './build';
import { jsonLines } from './processes';

/** One for everybody; TRM_TEST_SEED=N looks elsewhere. */
const SEED = Number(process.env.TRM_TEST_SEED ?? 1);
const SCRIPTS = resolve(__dirname, '..', '..', 'scripts', 'reliability');
let entries: string;
beforeAll(async () => {
  entries = await builtEntries();
});

async function script(name: string, ...args: string[]): Promise<Record<string, unknown>[]> {
  const child = spawn(process.execPath, [join(SCRIPTS, name), ...args, '--entries', entries]);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  await new Promise((done) => child.on('close', done));
  const lines = jsonLines(said);
  if (!lines.length) throw new Error(said);
  return lines;
}

describe.skipIf(process.platform !== 'linux')('SIGKILL at a random moment, then a start', () => {
  it.each(['train', 'build', 'evaluate', 'solve', 'export', 'import', 'migrate'])(
    'of %s leaves nothing behind and loses nothing that was saved',
    async (job) => {
      const seed = SEED;
      const args = ['--job', job, '--count', '3', '--fronts', 'cli,server', '--seed', String(seed)];
      const summary = (await script('kills.mjs', ...args)).at(-1);
      expect(summary).toMatchObject({ job, seed, kills: 3, failed: 0, faults: [] });
    },
    240_000,
  );

  it.skipIf(whyNoClone() !== null)(
    'of a set-up is repaired by the next start, which leaves what an undisturbed one leaves',
    async () => {
      const seed = SEED;
      const summary = (await script('kills.mjs', '--job', 'setup', '--count', '4', '--seed', String(seed))).at(-1);
      expect(summary).toMatchObject({ job: 'setup', seed, kills: 4, failed: 0, faults: [] });
    },
    240_000,
  );
});

const compiler = process.platform === 'linux' && spawnSync('g++', ['--version']).status === 0;

describe.skipIf(!compiler)('a power cut (needs Linux and g++, by which writes are recorded)', () => {
  it.each(['train', 'import', 'export', 'evaluate', 'build', 'migrate', 'delete'])(
    'in the middle of %s leaves a database that opens and whole checkpoints',
    async (work) => {
      const starts = work === 'delete' ? '8' : '1';
      const cuts = await script('power-loss.mjs', '--work', work, '--states', '40', '--starts', starts);
      expect(cuts.map(({ cut, failed, faults }) => ({ cut, failed, faults }))).toEqual(
        ['prefix', 'data', 'names'].map((cut) => ({ cut, failed: 0, faults: [] })),
      );
    },
    240_000,
  );
});
