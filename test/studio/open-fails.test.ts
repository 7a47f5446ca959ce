/** A studio that cannot be opened to the end. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { JobQueue } from '../../src/studio/jobs/queue';
import { Watcher } from '../../src/studio/watcher';
import { bench } from './bench';
import { freshFolder } from './home';

afterEach(() => vi.restoreAllMocks());

it('is closed again, says why in a sentence, and can be opened later', async () => {
  const home = freshFolder();
  const stopped = vi.spyOn(Watcher.prototype, 'close');
  vi.spyOn(JobQueue.prototype, 'pump').mockImplementationOnce(() => {
    throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  });
  await expect(bench(home)).rejects.toMatchObject({ code: 'disk_full' });
  expect(stopped).toHaveBeenCalledOnce();
  // SQLite removes it when the last connection is closed.
  expect(existsSync(join(home, 'studio.db-wal'))).toBe(false);
  const { studio } = await bench(home);
  expect(existsSync(`${studio.home.database}-wal`)).toBe(true);
});
