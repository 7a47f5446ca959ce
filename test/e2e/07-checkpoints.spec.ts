/** A checkpoint comes in with its report, stands among the runs, and goes out again. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { dropFiles } from './support/drop';
import { look } from './support/look';
import { expect, test, withStudio } from './support/test';

const studio = withStudio();
const GOLDEN = resolve(__dirname, '../golden');
const out = mkdtempSync(join(tmpdir(), 'trm-e2e-export-'));
test.afterAll(() => rmSync(out, { recursive: true, force: true }));

const dialog = (page: Page) => page.getByRole('dialog');

test('weights without a config are explained, set right and imported', async () => {
  const { page } = studio.current;
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Runs' }).click();
  await page.getByRole('main').getByRole('button', { name: 'Import checkpoint…' }).click();
  await expect(dialog(page).getByRole('heading', { name: 'Import a checkpoint' })).toBeVisible();
  await dialog(page).getByLabel('Checkpoint', { exact: true }).fill(join(GOLDEN, 'checkpoints/reference/step_30'));
  await dialog(page).getByRole('button', { name: 'Look inside' }).click();
  await expect(dialog(page).getByText('made from the weights’ shapes')).toBeVisible();
  await expect(dialog(page).getByText('5 taken over')).toBeVisible();
  await dialog(page).getByLabel('arch.L_cycles').fill('3');
  await dialog(page).getByLabel('arch.num_heads').fill('2');
  await look(studio.current, 'import-checkpoint');
  await dialog(page).getByLabel('Name of the run').fill('from afar');
  await dialog(page).getByRole('button', { name: 'Import', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'from afar' })).toBeVisible();
  await expect(page.getByText(/Imported from .*reference\/step_30/).first()).toBeVisible();
});

test('it goes out as the reference loads it', async () => {
  const { page } = studio.current;
  await page.getByRole('button', { name: 'Export step 30…' }).click();
  await dialog(page).getByLabel('Folder').fill(out);
  await look(studio.current, 'export-checkpoint');
  await dialog(page).getByRole('button', { name: 'Export', exact: true }).click();
  await expect(dialog(page).getByText(`load_checkpoint=${join(out, 'step_30')}`)).toBeVisible();
  expect(readdirSync(out).sort()).toEqual(['all_config.yaml', 'step_30']);
  await dialog(page).getByRole('button', { name: 'Done' }).click();
});

test('a pickle that would run code is refused by name', async () => {
  const { page } = studio.current;
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Runs' }).click();
  await page.getByRole('main').getByRole('button', { name: 'Import checkpoint…' }).click();
  await dialog(page)
    .getByLabel('Checkpoint', { exact: true })
    .fill(join(GOLDEN, 'checkpoints/torch-2.15-bad-system.pt'));
  await dialog(page).getByRole('button', { name: 'Look inside' }).click();
  await expect(dialog(page).getByText(/asks for "posix\.system"/)).toBeVisible();
  await expect(dialog(page).getByRole('button', { name: 'Import', exact: true })).toHaveCount(0);
  expect(existsSync(resolve('opened'))).toBe(false);
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
});

test('a dropped step_N opens the dialog', async () => {
  const { page } = studio.current;
  await dropFiles(page, { step_500: 'PK' });
  await expect(dialog(page).getByRole('heading', { name: 'Import a checkpoint' })).toBeVisible();
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
});
