/** A task dropped on the window, followed to its attempts; one of the store; cancelling; what is kept. */
import { dropFiles } from './support/drop';
import { look } from './support/look';
import { expect, test, withStudio } from './support/test';
import { goTo } from './support/training';

const studio = withStudio();

/** Whatever comes in, two cells of colour 3 go out: learned within seconds. */
const FILL = {
  train: [
    { input: [[1, 2]], output: [[3, 3]] },
    { input: [[2, 5]], output: [[3, 3]] },
    { input: [[7, 4]], output: [[3, 3]] },
  ],
  test: [{ input: [[4, 1]], output: [[3, 3]] }],
};

test('before anything was solved the screen says how', async () => {
  const { page } = studio.current;
  await goTo(page, 'Solve');
  await expect(page.getByText('Nothing solved yet')).toBeVisible();
  await look(studio.current, 'solve-empty');
});

test('a task dropped on the window is followed to its two attempts', async () => {
  const { page } = studio.current;
  await dropFiles(page, { 'fill.json': FILL });
  const preview = page.getByRole('dialog', { name: 'Import 1 task?' });
  await preview.getByRole('button', { name: 'Solve…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Solve fill' });
  await dialog.getByLabel('Views').fill('8');
  await look(studio.current, 'solve-dialog');
  await dialog.getByRole('button', { name: 'Solve', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'fill', level: 1 })).toBeVisible();
  await expect(page.getByText('Solving').first()).toBeVisible();
  await expect(page.getByText('Attempt 1')).toBeVisible({ timeout: 90_000 });
  await look(studio.current, 'solve-running');
  await expect(page.getByText('Solved', { exact: true })).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText('Right', { exact: true })).toBeVisible();
  // Both networks' views vote; where one was given up, those of the other.
  await expect(page.getByText(/\d+ votes? for \d grid|8 views voted for \d grid/).first()).toBeVisible();
  await look(studio.current, 'solve-done');
});

test('it is played back: the vote, a view of its own, inside the steps, a cell', async () => {
  const { page } = studio.current;
  await page.getByRole('button', { name: 'Play back', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'fill', level: 1 })).toBeVisible();
  await expect(page.getByText(/after \d+ steps · .*test input/)).toBeVisible({ timeout: 60_000 });
  const timeline = page.getByRole('slider', { name: 'ACT step' });
  await expect(timeline).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole('region', { name: 'Demonstrations' })).toBeVisible();
  const votes = page.getByRole('region', { name: 'Votes' });
  await expect(votes.getByText(/^8 views at step \d/)).toBeVisible();
  await expect(votes.getByText('right', { exact: true })).toBeVisible();
  await look(studio.current, 'solve-playback');
  // From the start, step by step, into the updates and out again.
  await page.keyboard.press('Home');
  await expect(timeline).toHaveAttribute('aria-valuenow', '1');
  await page.keyboard.press('ArrowRight');
  await expect(timeline).toHaveAttribute('aria-valuenow', '2');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByText(/inside a step/)).toBeVisible();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('End');
  // Another view's own way.
  const views = votes.getByRole('group').getByRole('button');
  await expect(views).toHaveCount(8);
  await votes.getByRole('button', { name: /^View 2:/ }).click();
  await expect(page.getByText('view 2 of 8')).toBeVisible();
  await page.keyboard.press('Shift+ArrowRight');
  const cell = page.getByRole('region', { name: /^Row \d, column \d/ });
  await expect(cell).toBeVisible();
  await expect(cell.locator('[aria-busy="true"]')).toHaveCount(0, { timeout: 60_000 });
  await look(studio.current, 'solve-playback-view');
});

test('other questions of the solve can be played back, a demonstration too', async () => {
  const { page } = studio.current;
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Other example…' }).click();
  await expect(page.getByText('Made before')).toBeVisible();
  await look(studio.current, 'solve-question');
  await page.getByRole('textbox', { name: 'ACT steps' }).fill('0');
  await expect(page.getByText(/use a whole number from 1 to 256/)).toBeVisible();
  await page.getByRole('textbox', { name: 'ACT steps' }).fill('9');
  await page.getByRole('button', { name: 'Play back demonstration 2' }).click();
  await expect(page.getByText(/demonstration 2/)).toBeVisible();
  await expect(page.getByRole('slider', { name: 'ACT step' })).toHaveAttribute('aria-valuemax', '9', {
    timeout: 60_000,
  });
  await page.getByRole('link', { name: 'its solve' }).click();
  await expect(page.getByText('Attempt 1')).toBeVisible();
});

test('the same task again, ended early, keeps what it has', async () => {
  const { page } = studio.current;
  await page.getByRole('button', { name: 'Solve again…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Solve fill' });
  await dialog.getByLabel('Seed').fill('nonsense');
  await expect(dialog.getByText('Give a whole number from 0')).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Solve', exact: true })).toBeDisabled();
  await dialog.getByLabel('Seed').fill('5');
  await dialog.getByRole('button', { name: 'Solve', exact: true }).click();
  await page.getByRole('button', { name: 'End now' }).click();
  await expect(page.getByRole('button', { name: 'Solve again…' })).toBeVisible();
});

test('its two networks are played side by side', async () => {
  const { page } = studio.current;
  await page.getByRole('button', { name: 'Play back', exact: true }).click();
  const compare = page.getByRole('button', { name: 'Compare networks' });
  await expect(compare).toBeEnabled({ timeout: 60_000 });
  await expect(page.getByText(/· (attention|MLP) network · test input/)).toBeVisible();
  await compare.click();
  await expect(page.getByText(/(attention|MLP) network against (attention|MLP) network · test input/)).toBeVisible({
    timeout: 60_000,
  });
  await expect(page.getByRole('slider', { name: /^ACT step, (attention|MLP) network$/ })).toHaveCount(2);
  await look(studio.current, 'solve-networks');
  await page.getByRole('button', { name: 'Other example…' }).click();
  await expect(page.getByRole('combobox', { name: 'Network' })).toBeVisible();
  await look(studio.current, 'solve-network-choice');
});

test('all of it is listed, also after closing and opening', async () => {
  await studio.current.restart();
  const { page } = studio.current;
  await goTo(page, 'Solve');
  const list = page.getByRole('list', { name: 'Solves' });
  await expect(list.getByRole('listitem')).toHaveCount(2);
  await expect(list.getByText('Solved', { exact: true })).toBeVisible();
  await look(studio.current, 'solves');
});

test('a task of the gallery offers it too, and bad files do not', async () => {
  const { page } = studio.current;
  await goTo(page, 'Tasks');
  await page.getByRole('link', { name: /^007bbfb7/ }).click();
  await page.getByRole('button', { name: 'Solve…' }).click();
  await expect(page.getByRole('dialog', { name: /^Solve [0-9a-f]{8}$/ })).toBeVisible();
  await page.keyboard.press('Escape');
  await dropFiles(page, { 'broken.json': '{"train": [' });
  const dialog = page.getByRole('dialog', { name: 'Nothing to import' });
  await expect(dialog).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Solve…' })).toHaveCount(0);
});
