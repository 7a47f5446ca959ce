/** A run that learns something within seconds: the Sudoku demo, made small. */
import { type Locator, type Page, expect } from '@playwright/test';

/** An evaluation every 24 steps, and far more steps than a test waits for. */
export const SMALL = [
  'arch.hidden_size=32',
  'arch.num_heads=2',
  'arch.H_cycles=1',
  'arch.L_cycles=2',
  'arch.L_layers=1',
  'arch.puzzle_emb_ndim=32',
  'global_batch_size=16',
  'epochs=4000',
  'eval_interval=4',
  'lr_warmup_steps=10',
];

export async function goTo(
  page: Page,
  screen: 'Tasks' | 'Datasets' | 'Runs' | 'Results' | 'Solve' | 'Playback' | 'Settings',
): Promise<void> {
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: screen }).first().click();
  await expect(page.getByRole('heading', { name: screen, exact: true, level: 1 })).toBeVisible();
}

/** The dialog in which a dataset is built. */
export async function openBuild(page: Page): Promise<Locator> {
  await goTo(page, 'Datasets');
  await page
    .getByRole('main')
    .getByRole('button', { name: /^Build/ })
    .first()
    .click();
  return page.getByRole('dialog', { name: 'Build a dataset' });
}

/** Builds a dataset of 4 × 4 Sudoku and waits until it is ready. */
export async function buildSudoku(page: Page, name: string): Promise<void> {
  const dialog = await openBuild(page);
  await dialog.getByText('Sudoku', { exact: true }).click();
  await dialog.getByLabel('Name', { exact: true }).fill(name);
  await dialog.getByLabel('Training puzzles').fill('96');
  await dialog.getByLabel('Test puzzles').fill('24');
  await dialog.getByRole('button', { name: 'Build', exact: true }).click();
  await expect(page.getByRole('row', { name: new RegExp(name) })).toContainText('4 × 4', { timeout: 60_000 });
}

/** Starts a run of the demo's preset on that dataset, made small, through the form; ends on its page. */
export async function startRun(
  page: Page,
  name: string,
  dataset: string,
  overrides: readonly string[] = [],
): Promise<void> {
  await goTo(page, 'Runs');
  await page.getByRole('main').getByRole('button', { name: 'New run' }).first().click();
  await page.getByRole('radio', { name: /sudoku-4x4/ }).click();
  await page.getByRole('combobox', { name: 'Dataset' }).selectOption({ label: `${dataset} (sudoku)` });
  await page.getByRole('button', { name: 'Paste overrides…' }).click();
  const paste = page.getByRole('dialog', { name: 'Paste overrides' });
  await paste.getByRole('textbox', { name: 'Overrides' }).fill([...SMALL, ...overrides].join(' '));
  await paste.getByRole('button', { name: /^Apply/ }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
  await page.getByRole('button', { name: 'Start training' }).click();
  await expect(page.getByRole('heading', { name, level: 1 })).toBeVisible();
}

/** The run page's own word for the run's state, beside its name. */
export const runHead = (page: Page) => page.getByRole('main').locator('header').first();

export async function expectStatus(
  page: Page,
  status: 'Training' | 'Paused' | 'Stopped' | 'Failed' | 'Done',
): Promise<void> {
  await expect(runHead(page).getByText(status, { exact: true })).toBeVisible({ timeout: 60_000 });
}

/** The step that the head tells; 0 while it tells none. */
export async function stepOf(page: Page): Promise<number> {
  const text = await runHead(page).innerText();
  return Number(/step ([\d,]+)/.exec(text)?.[1].replaceAll(',', '') ?? 0);
}

/** Waits until the run has come past this step. */
export async function expectBeyond(page: Page, step: number): Promise<void> {
  await expect.poll(() => stepOf(page), { timeout: 60_000 }).toBeGreaterThan(step);
}
