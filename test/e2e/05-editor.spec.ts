/** Drawing a task: by pointer and by keys, kept while it is unsaved, stored, and used as any other. */
import type { Page } from '@playwright/test';
import { look } from './support/look';
import { expect, test, withStudio } from './support/test';
import { goTo } from './support/training';

const studio = withStudio();

const grid = (page: Page, side: 'input' | 'output') =>
  page.getByRole('application', { name: new RegExp(`, ${side}:`) });
const undo = (page: Page) => page.getByRole('button', { name: 'Undo (Ctrl Z)' });
const unsaved = (page: Page) => page.getByText('not saved', { exact: true });

/** The middle of a cell of a grid of `rows` × `columns`, in the page. */
async function spot(page: Page, side: 'input' | 'output', size: number, row: number, column: number) {
  const box = await grid(page, side).boundingBox();
  if (!box) throw new Error(`the ${side} is not there`);
  const pitch = (box.width - 1) / size;
  return { x: box.x + 1 + (column + 0.5) * pitch, y: box.y + 1 + (row + 0.5) * pitch };
}

test('a task is drawn with the pointer', async () => {
  const { page } = studio.current;
  await goTo(page, 'Tasks');
  await page.getByRole('button', { name: 'Draw a task' }).click();
  await expect(page.getByRole('heading', { name: 'Draw a task' })).toBeVisible();
  await expect(page.getByLabel('Name of the task')).toHaveValue('my-task-1');
  await expect(unsaved(page)).toHaveCount(0);

  await page.getByLabel('Input, rows').fill('5');
  await page.getByLabel('Input, columns').fill('5');
  await page.keyboard.press('Enter');
  await expect(grid(page, 'input')).toHaveAccessibleName(/5 by 5 grid, all of colour 0/);

  // A drag paints every cell that it passes over.
  await page.getByRole('radio', { name: '2, red' }).click();
  const from = await spot(page, 'input', 5, 1, 1);
  const to = await spot(page, 'input', 5, 1, 3);
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y);
  await page.mouse.up();
  await expect(grid(page, 'input')).toHaveAccessibleName(/5 by 5 grid, 3 cells of colour 2/);
  await expect(unsaved(page)).toBeVisible();

  await page.getByRole('button', { name: 'Rectangle (R)' }).click();
  await page.keyboard.press('4');
  await expect(page.getByRole('radio', { name: '4, yellow' })).toBeChecked();
  const corner = await spot(page, 'input', 5, 2, 0);
  const other = await spot(page, 'input', 5, 4, 2);
  await page.mouse.move(corner.x, corner.y);
  await page.mouse.down();
  await page.mouse.move(other.x, other.y, { steps: 3 });
  await page.mouse.up();
  await expect(grid(page, 'input')).toHaveAccessibleName(/8 cells of colour 4, 3 cells of colour 2/);

  await page.getByRole('button', { name: 'Copy input' }).click();
  await expect(grid(page, 'output')).toHaveAccessibleName(/5 by 5 grid, 8 cells of colour 4/);
  await page.getByRole('button', { name: 'Fill an area (F)' }).click();
  await page.keyboard.press('7');
  const middle = await spot(page, 'output', 5, 3, 1);
  await page.mouse.click(middle.x, middle.y);
  await expect(grid(page, 'output')).toHaveAccessibleName(/1 cell of colour 7/);
  await look(studio.current, 'editor');
});

test('every step is taken back and done again', async () => {
  const { page } = studio.current;
  await page.keyboard.press('Control+z');
  await expect(grid(page, 'output')).not.toHaveAccessibleName(/colour 7/);
  await page.keyboard.press('Control+Shift+z');
  await expect(grid(page, 'output')).toHaveAccessibleName(/1 cell of colour 7/);
  for (let i = 0; i < 6; i++) await page.keyboard.press('Control+z');
  await expect(grid(page, 'input')).toHaveAccessibleName(/3 by 3 grid, all of colour 0/);
  await expect(undo(page)).toBeDisabled();
  for (let i = 0; i < 6; i++) await page.keyboard.press('Control+y');
  await expect(grid(page, 'output')).toHaveAccessibleName(/1 cell of colour 7/);
});

test('the keyboard alone draws as well', async () => {
  const { page } = studio.current;
  await page.getByRole('button', { name: 'Test 1', exact: true }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Test 1' })).toBeVisible();
  await grid(page, 'input').focus();
  await page.keyboard.press('p');
  await page.keyboard.press('3');
  await page.keyboard.press('Space');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Shift+ArrowDown');
  await expect(grid(page, 'input')).toHaveAccessibleName(/3 by 3 grid, 4 cells of colour 3/);
  await expect(page.getByText('row 3, column 2: colour 3 (green)')).toBeAttached();
  await page.keyboard.press('l');
  await page.keyboard.press('9');
  await page.keyboard.press('Home');
  await page.keyboard.press('Space');
  await page.keyboard.press('End');
  await page.keyboard.press('Space');
  await expect(grid(page, 'input')).toHaveAccessibleName(
    /3 cells of colour 3, 3 cells of colour 9|3 cells of colour 9/,
  );
  await page.getByRole('switch', { name: 'Solution known' }).click();
  await expect(page.getByText('The solution is left unknown.')).toBeVisible();
  await expect(page.getByText(/A test without its solution/)).toBeVisible();
  await page.getByRole('switch', { name: 'Solution known' }).click();
});

test('pairs are added, ordered and removed', async () => {
  const { page } = studio.current;
  const demonstrations = page.getByRole('region', { name: 'Demonstrations' }).getByRole('listitem');
  await page.getByRole('button', { name: 'Add a demonstration' }).click();
  await expect(demonstrations).toHaveCount(2);
  await expect(page.getByRole('heading', { name: 'Demonstration 2' })).toBeVisible();
  await page.getByRole('button', { name: 'More for demonstration 2' }).click();
  await page.getByRole('menuitem', { name: /Move up/ }).click();
  await expect(page.getByRole('heading', { name: 'Demonstration 1' })).toBeVisible();
  await page.getByRole('button', { name: 'More for demonstration 1' }).click();
  await page.getByRole('menuitem', { name: /Remove/ }).click();
  await expect(demonstrations).toHaveCount(1);
  await expect(grid(page, 'output')).toHaveAccessibleName(/1 cell of colour 7/);
});

test('sizes and names that cannot be are told, and not taken', async () => {
  const { page } = studio.current;
  await page.getByLabel('Output, rows').fill('31');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toHaveText('The number of rows is 31: use a whole number from 1 to 30.');
  await page.getByLabel('Output, rows').fill('5');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toHaveCount(0);
  const save = page.getByRole('button', { name: 'Save', exact: true });
  await page.getByLabel('Name of the task').fill('a|||b');
  await expect(page.getByText(/holds "\|\|\|", which marks augmented puzzles/)).toBeVisible();
  await expect(save).toBeDisabled();
  await look(studio.current, 'editor-faults');
  await page.getByLabel('Name of the task').fill('00d62c1b');
  await expect(page.getByText(/ARC-AGI-1 training has a task of this name too/)).toBeVisible();
  await page.getByLabel('Name of the task').fill('corner-lamp');
  await expect(save).toBeEnabled();
});

test('what is not saved survives going away, and closing the window', async () => {
  const { page } = studio.current;
  await goTo(page, 'Datasets');
  await goTo(page, 'Tasks');
  await page.getByRole('button', { name: 'Draw a task' }).click();
  await expect(page.getByLabel('Name of the task')).toHaveValue('corner-lamp');
  await expect(grid(page, 'output')).toHaveAccessibleName(/1 cell of colour 7/);
  // Drafts are written at most twice a second.
  await page.waitForTimeout(800);
  await studio.current.restart();
  const again = studio.current.page;
  await goTo(again, 'Tasks');
  await again.getByRole('button', { name: 'Draw a task' }).click();
  await expect(again.getByLabel('Name of the task')).toHaveValue('corner-lamp');
  await expect(unsaved(again)).toBeVisible();
  await expect(grid(again, 'output')).toHaveAccessibleName(/1 cell of colour 7/);

  // Another task would take its place: that is asked.
  await goTo(again, 'Tasks');
  await again.getByRole('searchbox', { name: 'Search by id' }).fill('00d62c1b');
  await again
    .getByRole('list', { name: 'Tasks' })
    .getByRole('link', { name: /00d62c1b/ })
    .first()
    .click();
  await again.getByRole('button', { name: 'Draw a copy' }).click();
  const question = again.getByRole('alertdialog').or(again.getByRole('dialog'));
  await expect(question).toContainText('Discard the changes to corner-lamp?');
  await question.getByRole('button', { name: 'Go on with it' }).click();
  await expect(again.getByLabel('Name of the task')).toHaveValue('corner-lamp');
});

test('a saved task is one of My tasks, and is used as any other', async () => {
  const { page } = studio.current;
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'corner-lamp' })).toBeVisible();
  await expect(page.getByText('My tasks', { exact: true })).toBeVisible();
  await expect(page.getByRole('img', { name: /Demonstration 1, output: 5 by 5 grid/ })).toBeVisible();

  await goTo(page, 'Tasks');
  const filters = page.getByRole('search', { name: 'Filter tasks' });
  await filters.getByRole('searchbox').fill('');
  await filters.getByRole('button', { name: 'My tasks 1' }).click();
  await expect(page.getByText('1 of 2,081 shown')).toBeVisible();
  await look(studio.current, 'tasks-own');
  await page
    .getByRole('list', { name: 'Tasks' })
    .getByRole('link', { name: /corner-lamp/ })
    .click();

  await page.getByRole('button', { name: 'Use in a dataset…' }).click();
  const build = page.getByRole('dialog', { name: 'Build a dataset' });
  await expect(build.getByText(/corner-lamp/).first()).toBeVisible();
  await build.getByLabel('Name', { exact: true }).fill('lamp');
  await build.getByRole('button', { name: 'Build', exact: true }).click();
  await expect(page.getByRole('row', { name: /lamp/ })).toContainText('5 × 5', { timeout: 60_000 });
});

test('it can be changed, copied and deleted', async () => {
  const { page } = studio.current;
  await goTo(page, 'Tasks');
  await page
    .getByRole('list', { name: 'Tasks' })
    .getByRole('link', { name: /corner-lamp/ })
    .click();
  await page.getByRole('button', { name: 'Change…' }).click();
  await expect(page.getByRole('heading', { name: 'Change a task' })).toBeVisible();
  await page.getByLabel('Name of the task').fill('corner-lamp-2');
  await page.keyboard.press('Control+s');
  await expect(page.getByRole('heading', { name: 'corner-lamp-2' })).toBeVisible();
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Draw a copy' }).click();
  await expect(page.getByText('copy of corner-lamp-2')).toBeVisible();
  await page.getByRole('button', { name: 'Close' }).first().click();
  await expect(page.getByRole('heading', { name: 'Tasks', exact: true })).toBeVisible();
  await expect(page.getByText('1 of 2,081 shown')).toBeVisible();

  await page
    .getByRole('list', { name: 'Tasks' })
    .getByRole('link', { name: /corner-lamp-2/ })
    .click();
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  await page.getByRole('button', { name: 'Delete the task' }).click();
  await expect(page.getByText('2,080 of 2,080 shown')).toBeVisible();
});
