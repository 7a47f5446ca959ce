/** The command line as people and programs call it: a process, its two streams and its exit code. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join, relative, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { freshFolder } from './home';
import { canBeBound, jsonLines, runCli, startEntry } from './processes';
import { eventually } from './scripted-compute';

const TINY = resolve(__dirname, '..', 'golden', 'arc-tiny');

/** path → sha256 of every file below a folder. */
function hashes(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (at: string) => {
    for (const name of readdirSync(at).sort()) {
      const path = join(at, name);
      if (statSync(path).isDirectory()) visit(path);
      else found[relative(folder, path)] = createHash('sha256').update(readFileSync(path)).digest('hex');
    }
  };
  visit(folder);
  return found;
}

describe('usage', () => {
  it.each([
    [[], 'Usage: trm'],
    [['nothing'], 'Unknown command'],
    [['trian'], 'Did you mean train?'],
    [['train'], 'There is no data to train on'],
    [['train', '--preset', 'sudoku-4x5'], 'did you mean sudoku-4x4?'],
    [['train', '--preset', 'maze-hard'], 'not bundled'],
    [['train', 'arch.L_cycle=4', '--preset', 'sudoku-4x4'], 'did you mean arch.L_cycles?'],
    [['train', '--preset', 'sudoku-4x4', '--max-steps', '0'], '--max-steps is 0'],
    [['train', '--resume', 'x', 'lr=1'], 'does not go with --resume'],
    [['train', '--nonsense'], 'Unknown option'],
    [['build-arc-dataset', '--subsets', 'training'], 'Required option'],
    [['build-sudoku-dataset', '--generate', '5', '--output-dir', 'x', '--size', '5'], '4, 6 or 9'],
    [
      ['build-sudoku-dataset', '--generate', '5', '--output-dir', 'x', '--size', '4', '--blanks', '9-3'],
      '--blanks is 9-3',
    ],
    [['runs', 'compare', 'x'], 'two runs'],
    [['serve', '--port', '70000'], '--port 70000'],
    [['datasets', 'build'], '--preset NAME'],
  ])('%j is wrong: exit code 2 and a sentence on stderr', async (args, says) => {
    const ended = await runCli(args, { env: { TRM_HOME: freshFolder() } });
    expect(ended.stderr).toContain(says);
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).not.toMatch(/\n\s+at /);
  });

  it.each([[['--help']], [['--version']], [['train', '--help']], [['runs', '--help']]])(
    '%j is right: exit code 0',
    async (args) => {
      const ended = await runCli(args);
      expect(ended.code).toBe(0);
      expect(ended.stdout).not.toBe('');
    },
  );

  it('tells of what is not there: exit code 1', async () => {
    const env = { TRM_HOME: freshFolder() };
    for (const [args, says] of [
      [['runs', 'show', 'nobody'], 'There is no run "nobody"'],
      [['train', '--resume', 'nobody'], 'There is no run "nobody"'],
      [['train', '--data', 'nowhere'], 'There is no folder or dataset nowhere'],
      [['datasets', 'delete', 'nobody'], 'There is no dataset "nobody"'],
      [
        [
          'build-arc-dataset',
          '--input-file-prefix',
          'no/such',
          '--output-dir',
          join(freshFolder(), 'out'),
          '--subsets',
          'training',
          '--test-set-name',
          'training',
        ],
        'does not exist',
      ],
    ] as const) {
      const ended = await runCli(args, { env });
      expect(ended.stderr, args.join(' ')).toContain(says);
      expect(ended.code).toBe(1);
    }
  });
});

describe('datasets', () => {
  it('build-arc-dataset writes the reference’s files byte for byte', async () => {
    const out = join(freshFolder(), 'arc');
    const flags = '--subsets training evaluation --test-set-name evaluation --num-aug 3 --seed 42'.split(' ');
    const ended = await runCli(
      ['build-arc-dataset', '--input-file-prefix', 'arc-agi', '--output-dir', out, '--json', ...flags],
      { cwd: TINY },
    );
    expect(ended.stderr).not.toContain('rror');
    expect(ended.code).toBe(0);
    const { 'studio.json': sidecar, ...files } = hashes(out);
    expect(sidecar).toBeDefined();
    expect(files).toEqual(hashes(join(TINY, 'expected')));
    expect(jsonLines(ended.stdout)).toMatchObject([{ event: 'dataset', path: out }]);
    // What is there is not written over.
    const again = await runCli(['build-arc-dataset', '--input-file-prefix', 'arc-agi', '--output-dir', out, ...flags], {
      cwd: TINY,
    });
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('not empty')]);
  });

  it('build-sudoku-dataset generates them, in a folder relative to where it is called', async () => {
    const cwd = freshFolder();
    const ended = await runCli(
      ['build-sudoku-dataset', '--generate', '40', '--test', '8', '--size', '4', '--output-dir', 'sudoku'],
      { cwd },
    );
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain('40 training examples');
    expect(existsSync(join(cwd, 'sudoku', 'train', 'dataset.json'))).toBe(true);
  });

  it('are built in the studio once for equal recipes, listed, and deleted', async () => {
    const env = { TRM_HOME: freshFolder() };
    const build = ['datasets', 'build', '--sudoku', '40', '--size', '4', '--test', '8', '--seed', '3', '--json'];
    const [first] = jsonLines((await runCli(build, { env })).stdout);
    const [second] = jsonLines((await runCli(build, { env })).stdout);
    expect(first).toMatchObject({
      event: 'dataset',
      status: 'ready',
      train_examples: 40,
      test_examples: 8,
      rows: 4,
      columns: 4,
    });
    expect(second.id).toBe(first.id);
    const listed = await runCli(['datasets'], { env });
    expect(listed.stdout).toContain(first.id as string);
    const deleted = await runCli(['datasets', 'delete', first.id as string], { env });
    expect(deleted.code).toBe(0);
    expect(existsSync(first.path as string)).toBe(false);
    expect((await runCli(['datasets', 'list', '--json'], { env })).stdout).toBe('');
  });

  it('import takes Kaggle pairs and single tasks, all or nothing', async () => {
    const env = { TRM_HOME: freshFolder() };
    const folder = freshFolder();
    const good = join(folder, 'good.json');
    const bad = join(folder, 'bad.json');
    writeFileSync(good, JSON.stringify({ train: [{ input: [[1]], output: [[2]] }], test: [{ input: [[3]] }] }));
    writeFileSync(bad, JSON.stringify({ train: [{ input: [[1, 2], [3]], output: [[2]] }], test: [] }));
    const refused = await runCli(['datasets', 'import', good, bad], { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('bad.json');
    expect(refused.stderr).toContain('Nothing was imported');
    const taken = await runCli(
      [
        'datasets',
        'import',
        good,
        join(TINY, 'arc-agi_training_challenges.json'),
        join(TINY, 'arc-agi_training_solutions.json'),
        '--json',
      ],
      { env },
    );
    expect(taken.code).toBe(0);
    expect(jsonLines(taken.stdout)).toMatchObject([{ event: 'imported', subsets: expect.arrayContaining(['good']) }]);
    const db = new Database(join(env.TRM_HOME, 'studio.db'), { readonly: true });
    expect(db.prepare("SELECT count(*) FROM tasks WHERE subset = 'good'").pluck().get()).toBe(1);
    expect(db.prepare('SELECT count(*) FROM subsets WHERE bundled = 0').pluck().get()).toBe(2);
    db.close();
  });
});

describe('train and runs', () => {
  it('trains a preset that makes its own data, tells programs on stdout and people on stderr', async () => {
    const env = { TRM_HOME: freshFolder() };
    const small = [
      'arch.hidden_size=16',
      'arch.num_heads=2',
      'arch.H_cycles=1',
      'arch.L_cycles=1',
      'arch.L_layers=1',
      'arch.expansion=1',
      'global_batch_size=16',
    ];
    const ended = await runCli(
      ['train', '--preset', 'sudoku-4x4', ...small, '--max-steps', '6', '--name', 'six', '--json'],
      { env },
    );
    expect(ended.code).toBe(0);
    const events = jsonLines(ended.stdout);
    expect(events[0]).toMatchObject({
      event: 'started',
      backend: { backend: expect.any(String) },
      config: { arch: { hidden_size: 16 }, studio: { max_steps: 6 } },
    });
    expect(events.filter((e) => e.event === 'metrics').map((e) => e.step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(events.find((e) => e.event === 'metrics')).toMatchObject({
      steps_per_s: expect.any(Number),
      lm_loss: expect.any(Number),
      lr: expect.any(Number),
    });
    expect(events.find((e) => e.event === 'evaluation')).toMatchObject({
      step: 6,
      accuracy: expect.any(Number),
      exact_accuracy: expect.any(Number),
    });
    const saved = events.find((e) => e.event === 'checkpoint') as { path: string; sha256: string };
    expect(createHash('sha256').update(readFileSync(saved.path)).digest('hex')).toBe(saved.sha256);
    expect(events.at(-1)).toEqual({ event: 'done', run: events[0].run, status: 'done', step: 6 });
    expect(ended.stdout.split('\n').filter(Boolean)).toHaveLength(events.length);
    expect(ended.stderr).toContain('step 6: exact accuracy');

    const run = events[0].run as string;
    const shown = await runCli(['runs', 'show', run.slice(0, 4)], { env });
    expect(shown.stdout).toContain('against the preset sudoku-4x4');
    expect(shown.stdout).toContain('arch.hidden_size=16');
    const [whole] = jsonLines((await runCli(['runs', 'show', 'six', '--json'], { env })).stdout) as {
      metrics: { name: string; steps: number[] }[];
    }[];
    expect(whole.metrics.find((m) => m.name === 'lm_loss')?.steps).toEqual([1, 2, 3, 4, 5, 6]);

    // A finished run takes more steps; without them it has nothing to do.
    const finished = await runCli(['train', '--resume', 'six'], { env });
    expect([finished.code, finished.stderr]).toEqual([1, expect.stringContaining('has finished all of its 6 steps')]);
    const longer = await runCli(['train', '--resume', 'six', '--max-steps', '8', '--json'], { env });
    expect(
      jsonLines(longer.stdout)
        .filter((e) => e.event === 'metrics')
        .map((e) => e.step),
    ).toEqual([7, 8]);
    const shorter = await runCli(['train', '--resume', 'six', '--max-steps', '3'], { env });
    expect([shorter.code, shorter.stderr]).toEqual([2, expect.stringContaining('has done 8 steps')]);

    const second = await runCli(
      [
        'train',
        ...small,
        'lr=1e-3',
        '--data',
        'sudoku-4x4',
        // After --data, which takes one word: these are overrides.
        'evaluators=[]',
        'epochs=7',
        'eval_interval=7',
        '--max-steps',
        '1',
        '--name',
        'other',
      ],
      { env },
    );
    expect(second.code).toBe(0);
    const compared = await runCli(['runs', 'compare', 'six', 'other'], { env });
    expect(compared.stdout).toMatch(/epochs\s+\d+\s+7\n/);
    const refused = await runCli(['runs', 'delete', 'six'], { env });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    expect((await runCli(['runs', 'delete', 'six', '--yes'], { env })).code).toBe(0);
    expect(existsSync(saved.path)).toBe(false);
    expect(jsonLines((await runCli(['runs', '--json'], { env })).stdout).map((r) => r.name)).toEqual(['other']);
  }, 120_000);

  it('goes on past its epochs when more steps are asked for', async () => {
    const env = { TRM_HOME: freshFolder() };
    const words = ['--generate', '40', '--size', '4', '--output-dir', join(env.TRM_HOME, 'data')];
    expect((await runCli(['build-sudoku-dataset', ...words], { env })).code).toBe(0);
    const tiny = ['arch.hidden_size=32', 'arch.num_heads=2', 'arch.puzzle_emb_ndim=0', 'global_batch_size=20'];
    const begun = await runCli(
      ['train', '--name', 'e', '--data', join(env.TRM_HOME, 'data'), ...tiny, 'epochs=2', 'eval_interval=1'],
      { env },
    );
    expect(begun.code, begun.stderr).toBe(0);
    const longer = await runCli(['train', '--resume', 'e', '--max-steps', '9', '--json'], { env });
    expect(longer.stderr).toContain('9 steps need more epochs');
    const steps = jsonLines(longer.stdout).filter((e) => e.event === 'metrics');
    expect(steps[steps.length - 1]).toMatchObject({ step: 9 });
    expect(jsonLines(longer.stdout).pop()).toMatchObject({ event: 'done', status: 'done', step: 9 });
  }, 120_000);

  it('fails with exit code 1 and one sentence when the data is damaged', async () => {
    const folder = join(freshFolder(), 'broken');
    mkdirSync(join(folder, 'train'), { recursive: true });
    writeFileSync(join(folder, 'train', 'dataset.json'), '{"pad_id": 0');
    const ended = await runCli(['train', '--data', folder, '--json'], { env: { TRM_HOME: freshFolder() } });
    expect(ended.code).toBe(1);
    expect(jsonLines(ended.stdout)).toMatchObject([{ event: 'error' }]);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
    expect(ended.stderr).toContain('dataset.json');
  });
});

describe('doctor', () => {
  it('says what is used, to people and to programs', async () => {
    const env = { TRM_HOME: freshFolder() };
    const [report] = jsonLines((await runCli(['doctor', '--json'], { env })).stdout);
    expect(report).toMatchObject({
      home: env.TRM_HOME,
      home_writable: true,
      backend: { backend: expect.stringMatching(/tensorflow|wasm/), threads: expect.any(Number) },
    });
    expect((await runCli(['doctor'], { env })).stdout).toMatch(/^Backend\s+(tensorflow|wasm) \S+ on /m);
  });

  it('says all the rest where the home cannot be opened', async () => {
    const home = join(freshFolder(), 'file');
    writeFileSync(home, 'x');
    const ended = await runCli(['doctor', '--json', '--home', home]);
    expect(ended.code).toBe(1);
    expect(jsonLines(ended.stdout)).toMatchObject([
      { home, home_error: expect.stringContaining('is a file, not a folder'), sqlite_version: null, backend: {} },
    ]);
  });
});

describe('serve', () => {
  it('prints one address on stdout, takes the next port, answers, and ends cleanly on TERM', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as { port: number };
    const running = await startEntry('cli', ['serve', '--port', String(port)], { env: { TRM_HOME: freshFolder() } });
    await eventually(() => running.stdout().includes('\n'), 'the address');
    taken.close();
    expect(running.stdout()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}\n$/);
    expect(running.stderr()).toContain(`Port ${port} is in use`);
    const address = new URL(running.stdout().trim());
    const status = await new Promise((done) => request(address, (reply) => done(reply.statusCode)).end());
    expect(status).toBe(303);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
  });
});

describe('a home that cannot be used', () => {
  it.skipIf(!canBeBound)('because there is no permission is said in one sentence', async () => {
    const home = freshFolder();
    chmodSync(home, 0o555);
    const ended = await runCli(['runs', '--home', home], { bound: true });
    expect([ended.code, ended.stderr]).toEqual([
      1,
      `No permission to write to the studio home ${home}: choose another folder with --home DIR or TRM_HOME.\n`,
    ]);
  });

  it('because it is a file is said in one sentence', async () => {
    const file = join(freshFolder(), 'file');
    writeFileSync(file, 'x');
    const ended = await runCli(['runs', '--home', file]);
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining('is a file, not a folder')]);
    expect(readFileSync(file, 'utf8')).toBe('x');
  });

  it('because a later version wrote it is refused, untouched', async () => {
    const home = freshFolder();
    await runCli(['runs', '--home', home]);
    const file = join(home, 'studio.db');
    const db = new Database(file);
    db.pragma('user_version = 77');
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.close();
    const before = hashes(home)['studio.db'];
    for (const args of [['runs'], ['serve', '--port', '0']]) {
      const ended = await runCli([...args, '--home', home]);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining('later TRM Studio (schema 77')]);
    }
    expect(hashes(home)['studio.db']).toBe(before);
  });
});
