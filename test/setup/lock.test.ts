import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acquire, alive, bornAt, inspect, isLeft } from '../../scripts/lib/lock.mjs';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trm-lock-'));
  path = join(dir, 'setup.lock');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const DEAD = 2 ** 22 + 1; // above Linux's largest process number
const owner = (change: object = {}) =>
  JSON.stringify({ pid: DEAD, born: null, host: hostname(), commands: [], ...change });

describe('the set-up lock', () => {
  test('keeps a second one out until it is released', async () => {
    const first = await acquire(path);
    await expect(acquire(path, { timeout: 0 })).rejects.toThrow(`process ${process.pid}`);
    const order: string[] = [];
    const second = acquire(path, { poll: 5, onWait: () => order.push('waits') }).then((lock) => {
      order.push('has it');
      return lock;
    });
    await new Promise((resolve) => setTimeout(resolve, 40));
    order.push('released');
    first.release();
    (await second).release();
    expect(order).toEqual(['waits', 'released', 'has it']);
    expect(existsSync(path)).toBe(false);
  });

  test('is taken over from a process that has died', async () => {
    writeFileSync(path, owner());
    const lock = await acquire(path, { timeout: 0 });
    expect(JSON.parse(readFileSync(path, 'utf8')).pid).toBe(process.pid);
    lock.release();
  });

  test('is taken over from a process whose number another one has now', async () => {
    writeFileSync(path, owner({ pid: process.pid, born: 'long ago' }));
    // Only where the system tells when a process began.
    expect(inspect(path)?.stale).toBe(bornAt(process.pid) !== null);
  });

  test.skipIf(process.platform !== 'linux')('is left where its owner died, also while a tool of his is still at work', async () => {
    expect(isLeft(path)).toBe(false);
    writeFileSync(path, owner({ pid: process.pid, born: bornAt(process.pid) }));
    expect(isLeft(path)).toBe(false);
    writeFileSync(path, owner());
    expect(isLeft(path)).toBe(true);
    writeFileSync(path, owner({ commands: [{ pid: process.pid, born: bornAt(process.pid) }] }));
    expect(isLeft(path)).toBe(true);
  });

  test.skipIf(process.platform !== 'linux')('counts a process that has ended as dead, even if nobody has asked how', async () => {
    // The shell becomes a program that never waits for its child.
    const shell = spawn('sh', ['-c', 'true & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const pid = Number(await new Promise((resolve) => shell.stdout.once('data', (text) => resolve(String(text)))));
      const state = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0];
      for (let i = 0; i < 200 && state() !== 'Z'; i++) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(state()).toBe('Z');
      expect(alive({ pid, born: bornAt(pid) })).toBe(false);
    } finally {
      shell.kill('SIGKILL');
    }
  });

  test('of another machine counts until it has been silent for a minute', () => {
    writeFileSync(path, owner({ host: 'elsewhere' }));
    expect(inspect(path)?.stale).toBe(false);
    const old = new Date(Date.now() - 61_000);
    utimesSync(path, old, old);
    expect(inspect(path)?.stale).toBe(true);
  });

  test('that was never written to its end is stale after some seconds', () => {
    writeFileSync(path, '');
    expect(inspect(path)).toEqual({ owner: null, stale: false, orphans: [] });
    expect(inspect(path, { now: Date.now() + 10_000 })?.stale).toBe(true);
  });

  test('ends a command that outlived its killed set-up, and waits for its end', async () => {
    const orphan = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    const pid = orphan.pid as number;
    const born = bornAt(pid);
    writeFileSync(path, owner({ commands: [{ pid, born }] }));
    if (born === null) {
      expect(inspect(path)).toMatchObject({ stale: false, orphans: [] });
      orphan.kill();
      return;
    }
    expect(inspect(path)).toMatchObject({ stale: false, orphans: [pid] });
    const lock = await acquire(path, { poll: 10, timeout: 5000 });
    expect(alive({ pid, born })).toBe(false);
    lock.release();
  });

  test('of ten at once is had by one at a time, over a stale one', async () => {
    writeFileSync(path, owner());
    let holding = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const lock = await acquire(path, { poll: 1 });
        most = Math.max(most, ++holding);
        await new Promise((resolve) => setTimeout(resolve, 2));
        holding--;
        lock.release();
      }),
    );
    expect(most).toBe(1);
  });
}); // prettier-ignore
