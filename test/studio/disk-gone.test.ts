/** A disk that is gone in the middle of a run: the run ends, with the reason, and others get their turn. */
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Disk, whyNoMounts } from '../../scripts/reliability/lib/mounted-disk.mjs';
import { until } from '../../scripts/reliability/lib/studio.mjs';
import { toWireError } from '../../src/shared/errors';
import { asStudioError, openDatabase } from '../../src/studio/db/open';
import { silentLog } from '../../src/studio/log';
import { bench, create, status, train } from './bench';
import { tinyDataset } from './fixtures';
import { freshFolder } from './home';
import { runCli, startEntry } from './processes';
import { eventually } from './scripted-compute';

const TINY = [
  'arch.hidden_size=32',
  'arch.num_heads=2',
  'arch.L_layers=1',
  'arch.H_cycles=1',
  'arch.L_cycles=1',
  'arch.halt_max_steps=2',
  'global_batch_size=8',
  'evaluators=[]',
];

describe('a disk that does not answer', () => {
  it('is said to, by the system’s errors and by SQLite’s', () => {
    const errno = Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO', path: '/disk/x' });
    expect(toWireError(errno)).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^The disk that holds \/disk\/x does not answer \(EIO\): check .*\.$/),
    });
    const sqlite = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_READ' });
    expect(toWireError(asStudioError(sqlite, '/disk/studio.db'))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^\/disk\/studio\.db cannot be read or written: check .*\.$/),
    });
  });

  it('ends the run of a studio that can neither read nor write any more, and nobody waits for it', async () => {
    const { studio, compute } = await bench();
    const run = await create(studio, 'a');
    await eventually(() => status(studio, run) === 'running');
    const { runs, checkpoints, metrics } = studio.context.store;
    const gone = () => {
      throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_READ' });
    };
    const spies = [
      vi.spyOn(runs, 'get').mockImplementation(gone),
      vi.spyOn(runs, 'active').mockImplementation(gone),
      vi.spyOn(runs, 'update').mockImplementation(gone),
      vi.spyOn(checkpoints, 'has').mockImplementation(gone),
      vi.spyOn(metrics, 'append').mockImplementation(gone),
    ];
    // What it tells cannot be stored: it is asked to stop, and does.
    train(compute.latest('tensor'), 1, 2);
    await studio.runs.idle();
    expect(studio.runs.get(run.id)).toMatchObject({
      status: 'stopped',
      reason: expect.stringContaining('cannot be read or written: check that its disk'),
    });
    spies.forEach((spy) => spy.mockRestore());
    // Written down once that works again.
    await eventually(() => runs.get(run.id)?.status === 'stopped');
    const next = await create(studio, 'b');
    await eventually(() => status(studio, next) === 'running');
  }, 20_000);

  it('does not get its run’s folder made again on another disk', async () => {
    const home = join(freshFolder(), 'home');
    const data = await tinyDataset();
    const args = [...TINY, 'epochs=4000', 'eval_interval=4000', 'studio.checkpoint_every_steps=20', '--data', data];
    const running = await startEntry('cli', ['train', ...args, '--name', 'x', '--home', home]);
    const runs = join(home, 'runs');
    await until(async () => running.stderr(), (text) => /^step /m.test(text), 'a step', 90);
    // As an unmounted disk leaves it: the mount point is there, what was in it is not.
    renameSync(runs, `${runs}-elsewhere`);
    const ended = await running.ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('is gone: if its disk was unmounted, mount it again and resume the run');
    expect(existsSync(runs)).toBe(false);
  }, 180_000);

  it.skipIf(whyNoMounts() !== null)('is not taken for a damaged database, which it looks like to SQLite', () => {
    const folder = mkdtempSync(join(tmpdir(), 'trm-gone-'));
    const disk = new Disk(folder, 32);
    try {
      const file = join(disk.at, 'studio.db');
      const db = openDatabase(file, { log: silentLog });
      const write = db.prepare("INSERT INTO settings (key, value_json) VALUES (hex(randomblob(16)), ?)");
      for (let i = 0; i < 100; i++) write.run('1'.repeat(900));
      disk.vanish();
      const faults: unknown[] = [];
      for (let i = 0; i < 4; i++) {
        try {
          write.run('2'.repeat(900));
        } catch (error) {
          faults.push(error);
        }
      }
      expect(faults.map((error) => (error as { code: string }).code)).toContain('SQLITE_CORRUPT');
      for (const fault of faults) {
        const { code, message } = toWireError(asStudioError(fault, file));
        expect(code).not.toBe('damaged');
        expect(message).toContain(file);
      }
      db.close();
      disk.repair();
      openDatabase(file, { log: silentLog }).close();
    } finally {
      disk.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.skipIf(whyNoMounts() !== null)('ends a build and a run in one sentence each, and they go on when it is back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trm-gone-'));
    const disk = new Disk(folder, 64);
    try {
      const out = ['--output-dir', join(disk.at, 'built'), '--home', join(folder, 'home')];
      const build = ['build-sudoku-dataset', '--generate', '20000', ...out];
      const building = await startEntry('cli', build);
      await until(async () => building.stderr(), (text) => /generated/.test(text), 'progress', 60);
      disk.vanish();
      const ended = await building.ended;
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain('does not answer (EIO)');
      expect(ended.stderr).not.toMatch(/\n\s+at |Something went wrong/);
      disk.repair();
      expect((await runCli(['build-sudoku-dataset', '--generate', '200', ...out])).code).toBe(0);
    } finally {
      disk.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 180_000);
}); // prettier-ignore
