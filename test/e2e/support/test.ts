/** `test` with a studio per file: opened before the file's first test, closed after its last. */
import { test as base, expect } from '@playwright/test';
import { type Studio, openStudio, removeHome } from './studio';

export { expect };

/**
 * For files whose tests walk on from one another: a failure skips the rest.
 *
 * @returns the studio of this file, open while its tests run.
 */
export function withStudio(): { readonly current: Studio } {
  let studio: Studio | undefined;
  base.describe.configure({ mode: 'serial' });
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the fixtures that are wanted from this pattern.
  base.beforeAll(async ({}, info) => {
    studio = await openStudio(info.project.name);
  });
  base.afterAll(async () => {
    await studio?.close();
    if (studio) removeHome(studio.home);
  });
  return {
    get current() {
      if (!studio) throw new Error('the studio is not open');
      return studio;
    },
  };
}

export const test = base;
