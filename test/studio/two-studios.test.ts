/** A served studio that trains, and the command line beside it on the same home: every job of the second goes through. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openWindow, until } from '../../scripts/reliability/lib/studio.mjs';
import { TINY_RECIPE, TINY_TASK, tinyConfig } from '../../scripts/reliability/lib/tiny.mjs';
import { openDatabase } from '../../src/studio/db/open';
import { silentLog as log } from '../../src/studio/log';
import { tinyDataset } from './fixtures';
import { freshFolder } from './home';
import { runCli, startEntry } from './processes';

const over = ({ status }: { status: string }) => ['done', 'ready', 'failed', 'stopped'].includes(status);

it('two studios work on one home at once, each with every job', async () => {
  const folder = freshFolder();
  const home = join(folder, 'home');
  const data = await tinyDataset(join(folder, 'data'));
  const server = await startEntry('server', ['--port', '0', '--home', home]);
  await until(async () => server.stdout(), (text) => /^http/m.test(text), 'the address', 60);
  const window = await openWindow(server.stdout().trim());
  const call = window.call as (method: string, input?: unknown) => Promise<any>; // eslint-disable-line @typescript-eslint/no-explicit-any
  const beside = async (...args: string[]) => {
    const ended = await runCli([...args, '--home', home]);
    expect([args[0], ended.code, ended.stderr]).toEqual([args[0], 0, ended.stderr]);
    return ended;
  };
  try {
    const { id: dataset } = await call('datasets.build', { name: 'theirs', recipe: TINY_RECIPE });
    await until(() => call('datasets.get', { dataset }), over, 'the dataset', 60);
    const config = tinyConfig(5000);
    const { id: run } = await call('runs.create', { name: 'long', preset: null, config, dataset, recipe: null });
    const get = () => call('runs.get', { run });
    await until(get, (r) => r.step > 0 || over(r), 'a step', 60);

    const arch = ['hidden_size=32', 'num_heads=2', 'L_layers=1', 'H_cycles=1', 'L_cycles=1', 'halt_max_steps=2'];
    const words = arch.map((word) => `arch.${word}`);
    await beside('train', ...words, 'global_batch_size=8', 'epochs=4', 'eval_interval=4', 'evaluators=[]', '--data', data, '--name', 'short');
    await beside('build-sudoku-dataset', '--size', '4', '--generate', '64', '--output-dir', join(folder, 'built'));
    await beside('eval', '-c', 'short', '-o', join(folder, 'results'));
    writeFileSync(join(folder, 'task.json'), JSON.stringify(TINY_TASK));
    await beside('solve', join(folder, 'task.json'), '--max-steps', '4', '--views', '4', '-o', join(folder, 'answers'));
    await beside('export', 'short', '-f', 'pytorch', '-o', join(folder, 'out'));
    const step = readdirSync(join(folder, 'out')).find((name) => /^step_\d+$/.test(name)) as string;
    await beside('import-checkpoint', join(folder, 'out', step), '--data', data, '-n', 'imported');

    // Each sees what the other has made; what one trains, the other leaves alone.
    const runs = (await call('runs.list')) as { name: string; status: string }[];
    expect(runs.map((r) => `${r.name} ${r.status}`).sort()).toEqual(['imported done', 'long running', 'short done']);
    const foreign = await runCli(['train', '--resume', 'long', '--home', home]);
    expect(foreign.code).toBe(1);
    expect(foreign.stderr).toContain('belongs to another TRM Studio');
    expect(await call('evaluations.list')).toHaveLength(1);
    expect(await call('solves.list')).toHaveLength(1);
    const before = (await get()).step;
    await until(get, (r) => r.step > before || over(r), 'another step', 60);
    expect((await get()).status).toBe('running');
  } finally {
    await window.close();
    server.child.kill('SIGTERM');
  }
  expect((await server.ended).code).toBe(0);
  const db = openDatabase(join(home, 'studio.db'), { log });
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(db.pragma('foreign_key_check')).toEqual([]);
  db.close();
}, 300_000); // prettier-ignore
