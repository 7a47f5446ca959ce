/** The first minutes: what is there before anything was done, by mouse and by keyboard alone. */
import { look } from './support/look';
import { expect, test, withStudio } from './support/test';

const studio = withStudio();

test('the first start shows three ways in, and no empty tables', async () => {
  const { page } = studio.current;
  await expect(page.getByRole('heading', { name: 'Welcome to TRM Studio' })).toBeVisible();
  for (const name of ['Train the demo', 'Train on small ARC tasks', 'Import data']) {
    await expect(page.getByRole('heading', { name })).toBeVisible();
  }
  await expect(page.getByRole('table')).toHaveCount(0);
  await look(studio.current, 'welcome');
});

test('what it will train on is said without being asked', async () => {
  const { page } = studio.current;
  await expect(page.getByRole('link', { name: /TensorFlow \d|wasm \d/ })).toBeVisible({ timeout: 60_000 });
});

test('the gallery holds the real tasks and scrolls through all of them', async () => {
  const { page } = studio.current;
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: /Tasks/ }).click();
  await expect(page.getByText('2,080 of 2,080 shown')).toBeVisible();
  const list = page.getByRole('list', { name: 'Tasks' });
  await expect(list.getByRole('link', { name: /^007bbfb7/ })).toBeVisible();
  await look(studio.current, 'tasks');

  // Only what can be seen is in the page, so that thousands scroll as a few do.
  const cards = list.getByRole('listitem');
  expect(await cards.count()).toBeLessThan(200);
  await cards.first().hover();
  const last = list.locator('[aria-posinset="2080"]');
  await expect(async () => {
    await page.mouse.wheel(0, 60_000);
    await expect(last).toBeVisible({ timeout: 200 });
  }).toPass();
  expect(await cards.count()).toBeLessThan(200);
});

test('tasks are found by collection, size and id', async () => {
  const { page } = studio.current;
  const filters = page.getByRole('search', { name: 'Filter tasks' });
  await filters.getByRole('button', { name: /ConceptARC/ }).click();
  await expect(page.getByText('160 of 2,080 shown')).toBeVisible();
  await filters.getByRole('button', { name: /ConceptARC/ }).click();
  // Every choice says how many it would show, and shows them.
  const choose = async (filter: string, choice: RegExp): Promise<string> => {
    const box = page.getByRole('combobox', { name: filter });
    const label = (await box.locator('option', { hasText: choice }).first().textContent()) ?? '';
    await box.selectOption({ label });
    return /\(([\d,]+)\)/.exec(label)?.[1] ?? '';
  };
  for (const [filter, choice, any] of [
    ['Largest grid', /Up to 3 × 3/, /Any size/],
    ['Number of pairs', /2 pairs/, /Any number/],
    ['Output size', /of another size/, /Any output size/],
  ] as const) {
    const count = await choose(filter, choice);
    await expect(page.getByText(`${count} of 2,080 shown`)).toBeVisible();
    await expect(page.getByText('2,080 of 2,080 shown')).toBeHidden();
    await choose(filter, any);
  }
  const colours = filters.getByRole('group', { name: 'Colours' });
  await colours.getByRole('combobox').selectOption({ label: 'no others than' });
  await colours.getByRole('button', { name: '0, black' }).click();
  await colours.getByRole('button', { name: '8, sky' }).click();
  await expect(page).toHaveURL(/colours=0\.8&mode=only/);
  await expect(page.getByText('2,080 of 2,080 shown')).toBeHidden();
  await look(studio.current, 'tasks-filtered');
  await filters.getByRole('button', { name: 'Clear' }).click();
  await expect(page.getByText('2,080 of 2,080 shown')).toBeVisible();
  await filters.getByRole('button', { name: /ARC-AGI-1 training/ }).click();
  await expect(page).toHaveURL(/subset=training/);
  await filters.getByRole('searchbox').fill('00');
  await expect(
    page
      .getByRole('list', { name: 'Tasks' })
      .getByRole('link', { name: /00d62c1b/ })
      .first(),
  ).toBeVisible();
});

test('a task shows its pairs, and the keys lead to its neighbours', async () => {
  const { page } = studio.current;
  await page
    .getByRole('list', { name: 'Tasks' })
    .getByRole('link', { name: /00d62c1b/ })
    .first()
    .click();
  await expect(page.getByRole('heading', { name: '00d62c1b' })).toBeVisible();
  await expect(page.getByText('5 demonstrations · 1 test input')).toBeVisible();
  // Grids have a name for those who do not see them.
  await expect(page.getByRole('img', { name: /6 by 6 grid/ }).first()).toBeVisible();
  await look(studio.current, 'task');

  // Under another symmetry and other colours, with the name that a dataset gives it.
  await page.getByRole('radio', { name: /^t1,/ }).click();
  await page.getByRole('combobox', { name: 'Colour 3 (green) becomes' }).selectOption({ label: '8 sky' });
  await expect(page.getByText('00d62c1b|||t1|||0128456739')).toBeVisible();
  await expect(
    page.getByRole('img', { name: /Demonstration 1, input: 6 by 6 grid, \d+ cells of colour 8/ }),
  ).toBeVisible();
  await page.getByRole('group', { name: 'What is shown' }).getByText('Token canvas').click();
  await page.getByRole('combobox', { name: 'Rows down' }).selectOption('4');
  await expect(page.getByText(/6 × 6 at \(4, 0\)/).first()).toBeVisible();
  await expect(page.getByText('852 PAD, 12 EOS, 36 colours').first()).toBeVisible();
  await look(studio.current, 'task-canvas');
  await page.getByRole('group', { name: 'What is shown' }).getByText('Grids').click();
  await page.getByRole('button', { name: 'Show the task itself' }).click();
  await page.getByRole('heading', { name: '00d62c1b' }).click();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('heading', { name: '00d62c1b' })).toHaveCount(0);
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByRole('heading', { name: '00d62c1b' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('heading', { name: 'Tasks', exact: true })).toBeVisible();
});

test('empty screens say what belongs there and offer the one action', async () => {
  const { page } = studio.current;
  const screens = page.getByRole('navigation', { name: 'Screens' });
  for (const [link, says, action, picture] of [
    ['Datasets', 'No datasets yet', /Build/, 'datasets-empty'],
    ['Runs', 'A run trains a model on a dataset', /New run/, 'runs-empty'],
    ['Playback', 'Nothing to play back yet', /New run/, 'playback-empty'],
  ] as const) {
    await screens.getByRole('link', { name: link }).click();
    await expect(page.getByText(says)).toBeVisible();
    await expect(page.getByRole('main').getByRole('button', { name: action }).first()).toBeVisible();
    await look(studio.current, picture);
  }
});

test('the config editor explains every field and refuses wrong values beside them', async () => {
  const { page } = studio.current;
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Runs' }).click();
  await page
    .getByRole('main')
    .getByRole('button', { name: /New run/ })
    .first()
    .click();
  await expect(page.getByRole('radio', { name: /sudoku-4x4/ })).toBeVisible();
  expect(await page.getByRole('radiogroup', { name: 'Preset' }).getByRole('radio').count()).toBeGreaterThanOrEqual(8);
  await page.getByRole('radio', { name: /sudoku-4x4/ }).click();
  await page.getByRole('searchbox', { name: 'Search the config' }).fill('arch.num_heads');
  const heads = page.getByRole('textbox', { name: 'arch.num_heads' });
  await expect(heads).toHaveValue('4');
  await look(studio.current, 'new-run');
  await heads.fill('5');
  await expect(page.getByText('arch.num_heads is 5: rotary positions need an even head size').first()).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start training' })).toBeDisabled();
  await heads.fill('65');
  await expect(page.getByText('arch.num_heads is 65: use a whole number from 1 to 64').first()).toBeVisible();
  await heads.fill('4');
  await expect(page.getByRole('button', { name: 'Start training' })).toBeEnabled();
});

test('settings say which machine and TensorFlow is used, and why not a better one', async () => {
  const { page } = studio.current;
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Settings' }).click();
  await expect(page.getByRole('heading', { name: 'Machine and TensorFlow' })).toBeVisible();
  await expect(page.getByText(studio.current.home).first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText(/^TensorFlow 2\.|^WebAssembly/).first()).toBeVisible();
  await look(studio.current, 'settings');
  await page.getByRole('group', { name: 'Theme' }).getByText('Dark').click();
  await expect(page.locator('html.dark')).toBeAttached();
  await page.getByRole('group', { name: 'Theme' }).getByText('System').click();
});

test('everything is reached without a mouse', async () => {
  const { page } = studio.current;
  const heading = (name: string) => page.getByRole('heading', { name, exact: true, level: 1 });
  await page.getByRole('heading', { name: 'Settings', level: 1 }).click();
  for (const [key, name] of [
    ['2', 'Datasets'],
    ['3', 'Runs'],
    ['4', 'Results'],
    ['5', 'Solve'],
    ['6', 'Playback'],
    ['7', 'Settings'],
    ['1', 'Tasks'],
  ]) {
    await page.keyboard.press(key);
    await expect(heading(name)).toBeVisible();
  }
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await look(studio.current, 'shortcuts');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);

  await page.keyboard.press('Control+k');
  await expect(page.getByRole('dialog', { name: 'Command palette' })).toBeVisible();
  await page.keyboard.type('settings');
  await look(studio.current, 'palette');
  await page.keyboard.press('Enter');
  await expect(heading('Settings')).toBeVisible();

  // From the top of the page by Tab alone: the focus can always be seen, and comes to the search of the tasks.
  await page.keyboard.press('1');
  await expect(heading('Tasks')).toBeVisible();
  const search = page.getByRole('searchbox', { name: 'Search by id' });
  await expect(async () => {
    await page.keyboard.press('Tab');
    await expect(page.locator(':focus')).not.toHaveCSS('outline-style', 'none', { timeout: 1000 });
    await expect(search).toBeFocused({ timeout: 50 });
  }).toPass();
});
