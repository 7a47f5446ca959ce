/** A disk that fills up, and one that cannot be written at all: real ones, mounted for the test where that is allowed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { NpyWriter } from '../../src/core/data/npy-writer';
import { buildSudoku } from '../../src/core/data/sudoku-builder';
import { StudioError, toWireError } from '../../src/shared/errors';
import { openDatabase } from '../../src/studio/db/open';
import { prepareHome, resolveHome, storedPath, absolutePath, homePaths } from '../../src/studio/home';
import { silentLog as log } from '../../src/studio/log';
import { openStudio } from '../../src/studio/studio';
import { openStore } from '../../src/studio/store';
import { tinyDataset } from './fixtures';
import { freshFolder } from './home';
import { runCli } from './processes';
import { ScriptedCompute } from './scripted-compute';

const mounts: string[] = [];

/** A file system of its own in memory, of some megabytes; null where mounting is not allowed (no root, a container). */
function smallDisk(options: string): string | null {
  const at = mkdtempSync(join(tmpdir(), 'trm-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', at], { stdio: 'ignore' });
    mounts.push(at);
    return at;
  } catch {
    rmSync(at, { recursive: true });
    return null;
  }
}

const canMount = (() => {
  const at = smallDisk('size=64k');
  return at !== null;
})();

afterAll(() => {
  for (const at of mounts) {
    execFileSync('umount', [at]);
    rmSync(at, { recursive: true });
  }
});

function remount(at: string, options: string): void {
  execFileSync('mount', ['-o', `remount,${options}`, at]);
}

async function refusal(home: string): Promise<StudioError> {
  try {
    const studio = await openStudio({
      home,
      transport: 'web',
      compute: () => new ScriptedCompute().factory,
      resources: null,
    });
    await studio.close();
  } catch (error) {
    expect(error).toBeInstanceOf(StudioError);
    return error as StudioError;
  }
  throw new Error('it opened');
}

describe.skipIf(!canMount)('a full disk', () => {
  it('ends a run with one sentence; what was saved stays, and it goes on when there is space again', async () => {
    const home = smallDisk('size=12m') as string;
    const data = await tinyDataset();
    const config = [
      'arch.hidden_size=32',
      'arch.num_heads=2',
      'arch.L_layers=1',
      'arch.H_cycles=1',
      'arch.L_cycles=1',
      'arch.halt_max_steps=2',
      'global_batch_size=8',
      'epochs=40',
      'eval_interval=40',
      'evaluators=[]',
      'ema=True',
    ];
    const args = [
      'train',
      ...config,
      'studio.checkpoint_every_steps=2',
      'studio.keep_checkpoints=1000',
      '--data',
      data,
      '--name',
      'full',
      '--home',
      home,
    ];
    const ended = await runCli(args);
    expect(ended.stderr).toContain(`The disk that holds ${home}`);
    expect(ended.stderr).toContain('is full: free some space');
    expect(ended.code).toBe(1);
    expect(ended.stderr).not.toMatch(/\n\s+at /);
    expect(statfsSync(home).bavail * statfsSync(home).bsize).toBeLessThan(2 * 2 ** 20);

    remount(home, 'size=64m');
    const db = openDatabase(join(home, 'studio.db'), { log });
    const store = openStore(db);
    const [run] = store.runs.list();
    const saved = store.checkpoints.list(run.id);
    expect(saved.length).toBeGreaterThan(0);
    for (const c of saved) {
      const file = absolutePath(homePaths(home), c.path);
      expect(createHash('sha256').update(readFileSync(file)).digest('hex'), file).toBe(c.sha256);
    }
    store.runs.update(run.id, {
      config: { ...run.config, studio: { ...run.config.studio, keep_checkpoints: 1, checkpoint_every_steps: 50 } },
    });
    db.close();
    const resumed = await runCli(['train', '--resume', 'full', '--home', home]);
    expect(resumed.stderr).toContain('Continues from the checkpoint of step');
    expect(resumed.code).toBe(0);
  }, 120_000);

  it('is told before a dataset is begun that does not fit, and nothing is left', async () => {
    const at = smallDisk('size=1m') as string;
    const recipe = { kind: 'sudoku' as const, size: 9 as const, train: 20_000, test: 1, blanks: [1, 1] as [number, number], seed: 1 };
    await expect(buildSudoku(recipe, join(at, 'out'))).rejects.toMatchObject({
      code: 'disk_full',
      message: expect.stringMatching(/^The train split needs 3\.4 MB, and 1\.0 MB is free on its disk: free some space/),
    });
    expect(readdirSync(at)).toEqual([]);
  }); // prettier-ignore

  it('that fills up while a dataset is written ends the build with its name, and nothing is left', async () => {
    const at = smallDisk('size=1m') as string;
    const writer = new NpyWriter(join(at, 'x.npy'), '|u1', [64, 65536], 65536);
    const write = async (): Promise<void> => {
      for (let i = 0; i < 64; i++) {
        await writer.ready(65536);
        writer.reserve(65536);
      }
      await writer.finish();
    };
    const error: unknown = await write().catch((e: unknown) => e);
    await writer.abandon();
    expect(toWireError(error)).toMatchObject({ code: 'disk_full', message: expect.stringContaining(join(at, 'x.npy')) });
  }); // prettier-ignore

  it('is refused at the start, and what is there stays', async () => {
    const home = smallDisk('size=256k') as string;
    prepareHome(home);
    const free = statfsSync(home).bavail * statfsSync(home).bsize;
    writeFileSync(join(home, 'ballast'), Buffer.alloc(free));
    const error = await refusal(home);
    expect(error.code).toBe('disk_full');
    expect(error.message).toContain(home);
    expect(statSyncSize(join(home, 'ballast'))).toBe(free);
  });
});

describe.skipIf(!canMount)('a read-only disk', () => {
  it('is refused with the home’s name, and nothing of it changes', async () => {
    const home = smallDisk('size=4m') as string;
    const studio = await openStudio({
      home,
      transport: 'web',
      compute: () => new ScriptedCompute().factory,
      resources: null,
    });
    await studio.dispatch('settings.set', { theme: 'dark' });
    await studio.close();
    const before = readFileSync(join(home, 'studio.db'));
    remount(home, 'ro');
    const error = await refusal(home);
    expect(error.code).toBe('read_only');
    expect(error.message).toContain(home);
    expect(readFileSync(join(home, 'studio.db')).equals(before)).toBe(true);
    // A home that would have to be made there first is told the same.
    expect(await refusal(join(home, 'new', 'home'))).toMatchObject({ code: 'read_only' });
    remount(home, 'rw');
  });
});

describe('the home', () => {
  it('is the option, else TRM_HOME, else the platform’s data folder', () => {
    expect(resolveHome('x', { TRM_HOME: '/t' }, 'linux', '/cwd')).toBe('/cwd/x');
    expect(resolveHome(undefined, { TRM_HOME: 't' }, 'linux', '/cwd')).toBe('/cwd/t');
    expect(resolveHome(undefined, { XDG_DATA_HOME: '/data' }, 'linux')).toBe('/data/trm-studio');
    expect(resolveHome(undefined, { XDG_DATA_HOME: 'relative' }, 'linux')).toMatch(/\.local\/share\/trm-studio$/);
    expect(resolveHome(undefined, {}, 'darwin')).toMatch(/Library\/Application Support\/TRM Studio$/);
  });

  it('can be moved: paths inside it are kept relative to it', () => {
    const home = homePaths('/home/a');
    expect(storedPath(home, '/home/a/runs/x/step_1')).toBe('runs/x/step_1');
    expect(storedPath(home, '/home/ab/runs')).toBe('/home/ab/runs');
    expect(storedPath(home, '/elsewhere')).toBe('/elsewhere');
    expect(absolutePath(homePaths('/home/b'), 'runs/x/step_1')).toBe('/home/b/runs/x/step_1');
  });

  it.skipIf(!existsSync('/proc/self'))('is refused where no folder can be made', () => {
    expect(() => prepareHome('/proc/trm/home')).toThrow(/^The studio home \/proc\/trm\/home cannot be made there/);
  });

  it('is made with what it needs, for its owner only', () => {
    const root = join(freshFolder(), 'new', 'home');
    const home = prepareHome(root);
    for (const folder of [home.runs, home.datasets, home.traces, home.logs]) expect(existsSync(folder)).toBe(true);
  });
});

const statSyncSize = (path: string): number => readFileSync(path).length;
