/** What changes on a screen does not move what is below it. */
import type { Page } from '@playwright/test';
import { look } from './support/look';
import { expect, test, withStudio } from './support/test';
import { openBuild } from './support/training';

const studio = withStudio();

const headHeight = async (page: Page): Promise<number> =>
  (await page.locator('.page-head').boundingBox())?.height ?? NaN;

test('an augmentation is named in the head without moving the task', async () => {
  const { page } = studio.current;
  await page.goto(`${page.url().replace(/#.*/, '')}#/tasks`);
  await page.getByRole('main').locator('a[href*="/tasks/"]').first().click();
  await expect(page.getByRole('button', { name: 'Draw one at random' })).toBeVisible();
  for (const width of [960, 1360, 1920]) {
    await page.setViewportSize({ width, height: 860 });
    const before = await headHeight(page);
    await page.getByRole('radio', { name: /^t1,/ }).click();
    await expect(page.getByText('augmented', { exact: true })).toBeVisible();
    expect(await headHeight(page), `at ${width} px`).toBe(before);
    if (width < 1920) await look(studio.current, `task-augmented-${width}`);
    await page.getByRole('button', { name: 'Back to the task itself' }).click();
  }
});

test('the build dialog keeps its height whatever is chosen', async () => {
  const { page } = studio.current;
  await page.setViewportSize({ width: 1360, height: 860 });
  await openBuild(page);
  const dialog = page.getByRole('dialog');
  const height = async (): Promise<number> => (await dialog.boundingBox())?.height ?? NaN;
  const before = await height();
  await dialog.getByRole('group', { name: 'Subsets' }).getByRole('button').nth(1).click();
  expect(await height()).toBe(before);
  await dialog.getByText('Sudoku', { exact: true }).click();
  expect(await height()).toBe(before);
  await page.keyboard.press('Escape');
});
