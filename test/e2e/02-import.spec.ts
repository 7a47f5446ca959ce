/** Bringing in tasks: each way and each shape, and everything that can be wrong with a file. */
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { dropFiles } from './support/drop';
import { look } from './support/look';
import { BAD, kagglePair, task, writeFiles } from './support/tasks';
import { expect, test, withStudio } from './support/test';

const studio = withStudio();

const dialog = (page: Page) => page.getByRole('dialog');
const shown = (page: Page) => page.getByText(/[\d,]+ of [\d,]+ shown/);

async function openImport(page: Page): Promise<void> {
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: /Tasks/ }).click();
  await page.getByRole('main').getByRole('button', { name: 'Import…' }).click();
  await expect(dialog(page).getByRole('heading', { name: 'Import', exact: true })).toBeVisible();
}

test('a Kaggle pair, by the file dialog', async () => {
  const { page } = studio.current;
  const { challenges, solutions } = kagglePair(['aaaa0001', 'aaaa0002', 'aaaa0003']);
  const folder = writeFiles({ 'mine_challenges.json': challenges, 'mine_solutions.json': solutions });
  await studio.current.answerFileDialog(
    ['mine_challenges.json', 'mine_solutions.json'].map((name) => join(folder, name)),
  );
  await openImport(page);
  await look(studio.current, 'import');
  await dialog(page).getByRole('button', { name: 'Choose files…' }).click();
  await expect(dialog(page).getByRole('heading', { name: 'Import 3 tasks?' })).toBeVisible();
  await look(studio.current, 'import-preview');
  await dialog(page).getByRole('button', { name: 'Import 3 tasks' }).click();
  await dialog(page).getByRole('button', { name: 'Show them' }).click();
  await expect(shown(page)).toHaveText('3 of 2,083 shown');
  await page
    .getByRole('list', { name: 'Tasks' })
    .getByRole('link', { name: /aaaa0001/ })
    .click();
  await expect(page.getByText('2 demonstrations · 1 test input')).toBeVisible();
});

test('a single task, dropped on the window', async () => {
  const { page } = studio.current;
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Datasets' }).click();
  await dropFiles(page, { 'bbbb0001.json': task(4) });
  await expect(dialog(page).getByRole('heading', { name: 'Import 1 task?' })).toBeVisible();
  await dialog(page).getByRole('button', { name: 'Import 1 task' }).click();
  await dialog(page).getByRole('button', { name: 'Show them' }).click();
  await expect(shown(page)).toHaveText('1 of 2,084 shown');
});

test('a folder of tasks, with files in it that are none', async () => {
  const { page } = studio.current;
  const folder = writeFiles({
    'many/cccc0001.json': task(1),
    'many/cccc0002.json': task(2),
    'many/inner/cccc0003.json': task(3),
    'many/README.md': 'About these tasks.',
  });
  await studio.current.answerFileDialog([join(folder, 'many')]);
  await openImport(page);
  await dialog(page).getByRole('button', { name: 'Choose a folder…' }).click();
  await expect(dialog(page).getByRole('heading', { name: 'Import 3 tasks?' })).toBeVisible();
  await expect(dialog(page).getByText('1 file that is no task, left out')).toBeVisible();
  await dialog(page).getByRole('button', { name: 'Import 3 tasks' }).click();
  await dialog(page).getByRole('button', { name: 'Show them' }).click();
  await expect(shown(page)).toHaveText('3 of 2,087 shown');
});

test('bad files each get one sentence, and nothing is stored', async () => {
  const { page } = studio.current;
  const folder = writeFiles(Object.fromEntries(BAD.map(({ name, content }) => [name, content])));
  await studio.current.answerFileDialog(BAD.map(({ name }) => join(folder, name)));
  await openImport(page);
  await dialog(page).getByRole('button', { name: 'Choose files…' }).click();
  await expect(dialog(page).getByRole('heading', { name: 'Nothing to import' })).toBeVisible();
  const problems = dialog(page).getByRole('list', { name: 'Problems' }).getByRole('listitem');
  await expect(problems).toHaveCount(BAD.length);
  for (const { says } of BAD) await expect(problems.filter({ hasText: says })).toHaveCount(1);
  await look(studio.current, 'import-problems');
  await dialog(page).getByRole('button', { name: 'Close' }).last().click();
  await expect(dialog(page)).toHaveCount(0);
  await expect(page.getByRole('link', { name: 'Tasks 2,087' })).toBeVisible();
});

test('good files beside bad ones are stored only when that is said', async () => {
  const { page } = studio.current;
  const [{ name, content }] = BAD;
  await dropFiles(page, { 'dddd0001.json': task(7), [name]: content });
  const leaveOut = dialog(page).getByRole('button', { name: 'Leave out 1 bad file and import 1 task' });
  await expect(leaveOut).toBeVisible();
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('link', { name: 'Tasks 2,087' })).toBeVisible();
  await dropFiles(page, { 'dddd0001.json': task(7), [name]: content });
  await leaveOut.click();
  await dialog(page).getByRole('button', { name: 'Show them' }).click();
  await expect(shown(page)).toHaveText('1 of 2,088 shown');
});

test('solutions that do not match are refused', async () => {
  const { page } = studio.current;
  const { challenges } = kagglePair(['eeee0001']);
  const { solutions } = kagglePair(['ffff0001']);
  await dropFiles(page, { 'other_challenges.json': challenges, 'other_solutions.json': solutions });
  await expect(
    dialog(page)
      .getByText(/other_solutions\.json/)
      .first(),
  ).toBeVisible();
  await expect(dialog(page).getByRole('list', { name: 'Problems' })).toBeVisible();
  await dialog(page).getByRole('button', { name: 'Close' }).last().click();
});

test('all of it is still there after closing and opening', async () => {
  await studio.current.restart();
  const { page } = studio.current;
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Tasks 2,088' }).click();
  await expect(page.getByRole('heading', { name: 'Tasks', exact: true })).toBeVisible();
});
