/** The models that ship: opened from the welcome screen, played back, and offered as the start of a solve. */
import { look } from './support/look';
import { expect, test, withStudio } from './support/test';
import { goTo } from './support/training';

const studio = withStudio();

test('the welcome screen opens one as a run that says where it comes from', async () => {
  const { page } = studio.current;
  await expect(page.getByText('Or open a trained model:')).toBeVisible();
  await page.getByRole('button', { name: 'sudoku-9x9' }).click();
  await expect(page.getByRole('heading', { name: 'sudoku-9x9 starter', level: 1 })).toBeVisible({ timeout: 120_000 });
  await expect(page.getByText(/^Ships with TRM Studio: trained with trm train/)).toBeVisible();
  // Its curves were not shipped: that is said, in place of a wall of empty charts.
  await expect(page.getByText(/came without the metrics of their training/)).toBeVisible();
  await look(studio.current, 'starter-run');
});

test('it solves a puzzle in the playback', async () => {
  const { page } = studio.current;
  await page.getByRole('button', { name: 'Play back', exact: true }).click();
  await page.getByRole('button', { name: /, test example 0$/ }).click();
  await expect(page.getByRole('slider', { name: 'ACT step' })).toHaveAttribute('aria-valuenow', '8', {
    timeout: 60_000,
  });
  await expect(page.getByText('Solved', { exact: true })).toBeVisible();
  await expect(page.getByText(/^Training would have halted at step \d/)).toBeVisible();
  await look(studio.current, 'starter-playback');
});

test('a solve offers the ARC one before it was ever opened', async () => {
  const { page } = studio.current;
  await goTo(page, 'Tasks');
  await page.getByRole('link', { name: /^007bbfb7/ }).click();
  await page.getByRole('button', { name: 'Solve…' }).click();
  const dialog = page.getByRole('dialog', { name: /^Solve / });
  await dialog
    .getByRole('combobox', { name: 'Start' })
    .selectOption({ label: 'arc-small starter, ships with the app' });
  await expect(dialog.getByText('What learns').first()).toBeVisible();
  await look(studio.current, 'starter-solve');
  await page.keyboard.press('Escape');
});
