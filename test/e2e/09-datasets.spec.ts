/** Datasets: mazes are built, what leaks is named before and after, and archives, CSVs and folders come in. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { zipSync } from 'fflate';
import { dropFiles } from './support/drop';
import { look } from './support/look';
import { kagglePair } from './support/tasks';
import { expect, test, withStudio } from './support/test';
import { goTo, openBuild } from './support/training';

const studio = withStudio();
const golden = resolve(__dirname, '../golden');

const dialog = (page: Page) => page.getByRole('dialog');
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

async function openDataset(page: Page, name: string): Promise<void> {
  await goTo(page, 'Datasets');
  await page.getByRole('link', { name, exact: true }).click();
  await expect(page.getByRole('heading', { name, level: 1 })).toBeVisible();
}

/** A number of the dataset's facts, by its name. */
const fact = (page: Page, name: string) =>
  page.locator('dl div', { has: page.getByText(name, { exact: true }) }).getByRole('definition');

test('mazes are built, and looked at', async () => {
  const { page } = studio.current;
  await openBuild(page);
  await dialog(page).getByText('Mazes', { exact: true }).click();
  await dialog(page).getByLabel('Name', { exact: true }).fill('small mazes');
  await dialog(page).getByLabel('Rows').fill('50');
  await dialog(page).getByRole('button', { name: 'Build', exact: true }).click();
  await expect(dialog(page).getByRole('alert').first()).toContainText('50');
  await dialog(page).getByLabel('Rows').fill('6');
  await dialog(page).getByLabel('Columns').fill('9');
  await dialog(page).getByLabel('Training puzzles').fill('80');
  await dialog(page).getByLabel('Test puzzles').fill('16');
  await dialog(page).getByLabel('Shortest path, at least').fill('8');
  await look(studio.current, 'build-mazes');
  await dialog(page).getByRole('button', { name: 'Build', exact: true }).click();
  const row = page.getByRole('row', { name: /small mazes/ });
  await expect(row).toContainText('6 × 9', { timeout: 60_000 });
  await openDataset(page, 'small mazes');
  await expect(fact(page, 'Examples')).toHaveText('80');
  await expect(page.getByText('None of 16 test examples stands in the training split')).toBeVisible();
  const tiles = page.getByRole('main').getByRole('button', { name: /^test \d+/ });
  await expect(tiles.first()).toBeVisible();
  await look(studio.current, 'dataset-mazes');
  await tiles.first().click();
  await expect(dialog(page).getByRole('img').first()).toBeVisible();
  await page.keyboard.press('Escape');
});

test('a test set whose answers are trained on is named before it is built, and counted after', async () => {
  const { page } = studio.current;
  await openBuild(page);
  await dialog(page).getByLabel('Name', { exact: true }).fill('leaking');
  for (const [name, wanted] of [
    ['ARC-AGI-1 training', false],
    ['ARC-AGI-1 evaluation', true],
    ['ARC-AGI-2 training', true],
  ] as const) {
    const chip = dialog(page).getByRole('button', { name: new RegExp(`^${name}`) });
    if (((await chip.getAttribute('aria-pressed')) === 'true') !== wanted) await chip.click();
  }
  await dialog(page).getByLabel('Test set').selectOption({ label: 'ARC-AGI-1 evaluation' });
  await dialog(page).getByRole('slider').fill('9');
  await dialog(page).getByLabel('Augmentations').fill('1');
  await expect(dialog(page).getByRole('list', { name: 'Warnings' })).toContainText('have their answers in ARC-AGI-2');
  await look(studio.current, 'build-leaking');
  await dialog(page).getByRole('button', { name: 'Build', exact: true }).click();
  await expect(page.getByRole('row', { name: /leaking/ })).toContainText('9 × 9', { timeout: 60_000 });

  await openDataset(page, 'leaking');
  const leaks = page.getByRole('list', { name: 'Test examples in the training split' });
  await expect(leaks.getByRole('button').first()).toBeVisible();
  const examples = page.getByRole('list', { name: 'Examples per puzzle' });
  await expect(examples.getByRole('listitem').first()).toBeVisible();
  await expect(page.getByRole('list', { name: 'Colours' }).getByRole('listitem')).toHaveCount(10);
  await look(studio.current, 'dataset-leaking');
  // The split that is looked at changes the numbers.
  const training = await fact(page, 'Examples').first().innerText();
  await page.getByRole('group', { name: 'Split' }).first().getByText('Test', { exact: true }).click();
  await expect(fact(page, 'Examples').first()).not.toHaveText(training);
  await leaks.getByRole('button').first().click();
  await expect(dialog(page).getByRole('img').first()).toBeVisible();
  await look(studio.current, 'leak');
  await page.keyboard.press('Escape');
});

test('an archive of tasks and a CSV of mazes, dropped together', async () => {
  const { page } = studio.current;
  const { challenges, solutions } = kagglePair(['eeee0001', 'eeee0002']);
  await dropFiles(page, {
    'kaggle.zip': zipSync({ 'x_challenges.json': bytes(challenges), 'x_solutions.json': bytes(solutions) }),
    'mazes.csv': readFileSync(join(golden, 'csv/maze/train.csv')),
  });
  await expect(dialog(page).getByText('zip archive')).toBeVisible();
  await expect(dialog(page).getByRole('region', { name: 'Datasets' })).toContainText('mazes, 5 × 5');
  await look(studio.current, 'import-archive');
  await dialog(page)
    .getByRole('button', { name: /^Import 2 tasks/ })
    .click();
  await expect(dialog(page).getByRole('heading', { name: 'Imported' })).toBeVisible({ timeout: 60_000 });
  await page.keyboard.press('Escape');
  await goTo(page, 'Datasets');
  await expect(page.getByRole('row', { name: /mazes/ }).filter({ hasText: '5 × 5' })).toBeVisible({ timeout: 60_000 });
});

test('the folder of a dataset that was made elsewhere', async () => {
  const { page } = studio.current;
  await studio.current.answerFileDialog([join(golden, 'arc-tiny/expected')]);
  await goTo(page, 'Tasks');
  await page.getByRole('main').getByRole('button', { name: 'Import…' }).click();
  await dialog(page).getByRole('button', { name: 'Choose a folder…' }).click();
  await expect(dialog(page).getByRole('heading', { name: 'Import 1 dataset?' })).toBeVisible();
  await dialog(page).getByRole('button', { name: 'Import 1 dataset' }).click();
  await dialog(page).getByRole('button', { name: 'Show them' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/expected/);
  await expect(fact(page, 'Examples').first()).toHaveText(/^\d/);
});
