/** A run is evaluated, its tasks are looked at, and two evaluations are compared. */
import { look } from './support/look';
import { expect, test, withStudio } from './support/test';
import { expectBeyond, expectStatus, goTo, openBuild, runHead, SMALL } from './support/training';

const studio = withStudio();

test('results say what belongs there while there are none', async () => {
  const { page } = studio.current;
  await goTo(page, 'Results');
  await expect(page.getByRole('heading', { name: 'No evaluations yet' })).toBeVisible();
  await look(studio.current, 'results-empty');
});

test('a small ARC run is trained', async () => {
  const { page } = studio.current;
  const dialog = await openBuild(page);
  await dialog.getByLabel('Name', { exact: true }).fill('tiny arc');
  const training = dialog.getByRole('button', { name: /ARC-AGI-1 training/ });
  if ((await training.getAttribute('aria-pressed')) !== 'true') await training.click();
  await dialog.getByRole('slider').fill('4');
  await dialog.getByLabel('Augmentations').fill('5');
  await dialog.getByRole('button', { name: 'Build', exact: true }).click();
  await expect(page.getByRole('row', { name: /tiny arc/ })).toContainText('4 × 4', { timeout: 60_000 });

  await goTo(page, 'Runs');
  await page.getByRole('main').getByRole('button', { name: 'New run' }).first().click();
  await page.getByRole('radio', { name: /arc-small/ }).click();
  await page.getByRole('combobox', { name: 'Dataset' }).selectOption({ label: 'tiny arc (arc)' });
  await page.getByRole('button', { name: 'Paste overrides…' }).click();
  const paste = page.getByRole('dialog', { name: 'Paste overrides' });
  await paste.getByRole('textbox', { name: 'Overrides' }).fill([...SMALL, 'eval_interval=40'].join(' '));
  await paste.getByRole('button', { name: /^Apply/ }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('arc quick');
  await page.getByRole('button', { name: 'Start training' }).click();
  await expect(page.getByRole('heading', { name: 'arc quick', level: 1 })).toBeVisible();
  await expectStatus(page, 'Training');
  await expectBeyond(page, 60);
  await expect(runHead(page).getByRole('button', { name: 'Evaluate…' })).toBeVisible();
});

test('it is evaluated between its training steps, and the tasks appear', async () => {
  const { page } = studio.current;
  const head = runHead(page);
  await head.getByRole('button', { name: 'More about this run' }).click();
  await page.getByRole('menuitem', { name: 'Save a checkpoint now' }).click();
  await expect(head.getByRole('button', { name: 'Evaluate…' })).toBeEnabled({ timeout: 60_000 });
  await head.getByRole('button', { name: 'Evaluate…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Evaluate' });
  await expect(dialog.getByText(/examples in the test split/)).toBeVisible();
  await dialog.getByLabel('Augmentations that vote').fill('many');
  await expect(dialog.getByRole('alert')).toContainText('many does not fit');
  await dialog.getByLabel('Augmentations that vote').fill('');
  await look(studio.current, 'evaluate-dialog');
  await dialog.getByRole('button', { name: 'Evaluate', exact: true }).click();
  await expect(page.getByText('ARC Prize score')).toBeVisible({ timeout: 120_000 });
  await expect(page.getByText(/^pass@2/).first()).toBeVisible();
  await expect(page.getByRole('img', { name: /^Accuracy by ACT step/ })).toBeVisible();
  await expect(page.getByRole('img', { name: /^Score by views that vote/ })).toBeVisible();
  const tiles = page.getByRole('list', { name: 'Tasks' }).getByRole('link');
  expect(await tiles.count()).toBeGreaterThan(5);
  await look(studio.current, 'evaluation');
});

test('a task shows its candidates and which views voted for them; keys go on to the next', async () => {
  const { page } = studio.current;
  const tiles = page.getByRole('list', { name: 'Tasks' }).getByRole('link');
  await tiles.first().focus();
  await page.keyboard.press('ArrowRight');
  await expect(tiles.nth(1)).toBeFocused();
  await page.keyboard.press('Enter');
  const title = page.getByRole('heading', { level: 1 });
  await expect(title).toHaveText(/^[0-9a-f]{8}$/);
  await expect(page.getByRole('img', { name: /^Input/ }).first()).toBeVisible();
  await expect(page.getByRole('img', { name: /^Target/ }).first()).toBeVisible();
  await expect(page.getByText('Attempt 1').first()).toBeVisible();
  await expect(page.getByText(/6 views voted for \d/).first()).toBeVisible();
  await page
    .getByRole('button', { name: /^Views that vote for/ })
    .first()
    .click();
  await expect(page.getByText(/as it is|turned|mirrored|transposed/).first()).toBeVisible();
  await look(studio.current, 'evaluation-task');
  const name = await title.innerText();
  await page.keyboard.press('ArrowRight');
  await expect(title).not.toHaveText(name);
  await page.keyboard.press('ArrowLeft');
  await expect(title).toHaveText(name);
  // Training goes on, and its checkpoint stays for as long as the evaluation does.
  await expect(page.getByRole('button', { name: 'Play back' })).toBeVisible();
  // From the result to the task, which lists it, and back.
  await page.getByRole('button', { name: 'Show the task' }).click();
  await page
    .getByRole('region', { name: 'Results' })
    .getByRole('link', { name: /arc quick/ })
    .click();
  await expect(title).toHaveText(name);
});

test('the gallery shows which tasks the run solved, and which it did not', async () => {
  const { page } = studio.current;
  await goTo(page, 'Tasks');
  const shown = page.getByText(/[\d,]+ of 2,080 shown/);
  await page.getByRole('combobox', { name: 'Results of a run' }).selectOption({ index: 1 });
  const how = page.getByRole('combobox', { name: 'How the tasks did' });
  await how.selectOption({ index: 3 });
  await expect(shown).not.toHaveText(/^2,080/);
  const count = async (): Promise<number> => Number((await shown.innerText()).split(' ')[0]);
  const all = await count();
  expect(all).toBeGreaterThan(5);
  await look(studio.current, 'tasks-results');
  await how.selectOption({ index: 2 });
  const unsolved = await count();
  await how.selectOption({ index: 0 });
  await expect.poll(count).toBe(all - unsolved);
  await page.getByRole('combobox', { name: 'Results of a run' }).selectOption({ index: 0 });
  await expect(shown).toHaveText(/^2,080/);
});

test('a second evaluation is held against the first', async () => {
  const { page } = studio.current;
  await goTo(page, 'Runs');
  await page.getByRole('main').getByRole('link', { name: 'arc quick' }).first().click();
  const about = page.getByRole('complementary', { name: 'About this run' });
  await expect(about.getByText('ARC Prize score')).toBeVisible();
  await runHead(page).getByRole('button', { name: 'Evaluate…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Evaluate' });
  await dialog.getByText('Raw', { exact: true }).click();
  await dialog.getByLabel('Augmentations that vote').fill('1');
  await dialog.getByRole('button', { name: 'Evaluate', exact: true }).click();
  await expect(page.getByText('ARC Prize score')).toBeVisible({ timeout: 120_000 });
  await expect(page.getByText(/raw weights · 1 augmentation/)).toBeVisible();
  await goTo(page, 'Results');
  const boxes = page.getByRole('checkbox', { name: /^Compare arc quick/ });
  await expect(boxes).toHaveCount(2);
  await boxes.nth(1).check();
  await boxes.nth(0).check();
  await look(studio.current, 'results');
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(page.getByRole('heading', { name: 'From A to B' })).toBeVisible();
  await expect(page.getByRole('row', { name: /pass@2/ })).toBeVisible();
  await page.getByRole('button', { name: /^By neither/ }).click();
  await look(studio.current, 'results-compare');
});

test('an evaluation is deleted after a question that names it', async () => {
  const { page } = studio.current;
  await goTo(page, 'Results');
  await page.getByRole('list', { name: 'Evaluations' }).getByRole('link').first().click();
  await page.getByRole('main').getByRole('button', { name: 'Delete…' }).click();
  const ask = page.getByRole('dialog', { name: 'Delete this evaluation?' });
  await expect(ask).toContainText('arc quick at step');
  await ask.getByRole('button', { name: 'Delete evaluation' }).click();
  await expect(page.getByRole('list', { name: 'Evaluations' }).getByRole('link')).toHaveCount(1);
});
