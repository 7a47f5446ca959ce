/** A checkpoint understood: inside its steps, cell by cell, view by view, against another one, and taken along as files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { ElectronStudio } from './support/electron';
import { look } from './support/look';
import type { Studio } from './support/studio';
import { expect, test, withStudio } from './support/test';
import { expectStatus, goTo, openBuild, SMALL } from './support/training';

const studio = withStudio();
const stepSlider = (page: Page) => page.getByRole('slider', { name: 'ACT step' });
const card = (page: Page, name: string | RegExp) => page.getByRole('region', { name });

/** What the window hands to the system's download, wherever it is. */
async function downloaded(at: Studio, act: () => Promise<void>): Promise<Buffer> {
  if (!(at instanceof ElectronStudio)) {
    const [file] = await Promise.all([at.page.waitForEvent('download'), act()]);
    return readFileSync(await file.path());
  }
  const path = join(at.home, 'download');
  const done = at.app.evaluate(
    ({ session }, to) =>
      new Promise<string>((resolve) => {
        session.defaultSession.once('will-download', (_event, item) => {
          item.setSavePath(to);
          item.once('done', (_done, state) => resolve(state));
        });
      }),
    path,
  );
  await act();
  expect(await done).toBe('completed');
  return readFileSync(path);
}

test('a model of small ARC tasks is trained', async () => {
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
  await paste
    .getByRole('textbox', { name: 'Overrides' })
    .fill(
      [
        ...SMALL,
        'arch.H_cycles=2',
        'arch.halt_max_steps=6',
        'studio.max_steps=40',
        'studio.checkpoint_every_steps=20',
      ].join(' '),
    );
  await paste.getByRole('button', { name: /^Apply/ }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('tiny thinker');
  await page.getByRole('button', { name: 'Start training' }).click();
  await expectStatus(page, 'Done');
});

test('its playback shows both latents, and the updates inside a step', async () => {
  const { page } = studio.current;
  await goTo(page, 'Playback');
  await page.getByRole('button', { name: /, test example 0$/ }).click();
  await expect(stepSlider(page)).toHaveAttribute('aria-valuenow', '6', { timeout: 60_000 });
  await expect(page.getByRole('img', { name: /^Prediction at step 6/ })).toBeVisible();
  await expect(page.getByRole('img', { name: /^Decoded z_L at step 6/ })).toBeVisible();
  await expect(page.getByRole('img', { name: /^Path of z_H/ })).toBeVisible();
  await look(studio.current, 'playback-latents');

  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByText('update 1 of 6')).toBeVisible();
  await expect(page.getByText('z_H, not written yet')).toBeVisible();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  // L, L, H: now z_H is written for the first time.
  await expect(page.getByRole('button', { name: /^H: update 3 of 6, cycle 1, H update writes z_H/ })).toHaveAttribute(
    'aria-pressed',
    'true',
  );
  await expect(page.getByText('z_L, as it was')).toBeVisible();
  await look(studio.current, 'playback-updates');
  await page.keyboard.press('End');
  await expect(stepSlider(page)).toHaveAttribute('aria-valuenow', '6');
  await page.keyboard.press('ArrowUp');
  await expect(page.getByText(/update \d of 6/)).toBeHidden();
});

test('a cell tells what it holds possible and where it looks', async () => {
  const { page } = studio.current;
  await page.getByRole('combobox', { name: 'Heat layer' }).selectOption({ label: 'entropy' });
  await page
    .getByRole('img', { name: /^Prediction at step/ })
    .locator('canvas')
    .click({ position: { x: 12, y: 12 } });
  const cell = card(page, 'Row 1, column 1');
  await expect(cell.getByRole('img', { name: /^layer 1, head 2/ })).toBeVisible({ timeout: 60_000 });
  await expect(cell.getByRole('img', { name: /^Step 6: .* %/ })).toBeVisible();
  await page.keyboard.press('Shift+ArrowRight');
  await expect(card(page, 'Row 1, column 2').getByRole('img', { name: /^layer 1, head 1/ })).toBeVisible();
  await look(studio.current, 'playback-cell');
  await page.keyboard.press('Escape');
  await expect(card(page, /^Row/)).toBeHidden();
});

test('views vote, and each shows its own way', async () => {
  const { page } = studio.current;
  const votes = card(page, 'Votes');
  await expect(votes).toContainText(/\d+ votes?/);
  const voters = votes.getByRole('button', { name: /^View / });
  expect(await voters.count()).toBeGreaterThan(1);
  await votes.getByRole('button', { name: /^View 2:/ }).click();
  await expect(page.getByText(/view 2 of \d/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Turned back' })).toHaveAttribute('aria-pressed', 'true');
  const input = page.getByRole('img', { name: /^Input: / });
  const back = await input.getAttribute('aria-label');
  await page.getByRole('button', { name: 'Turned back' }).click();
  // Other colours or another shape: the view's own frame.
  await expect(input).not.toHaveAttribute('aria-label', back ?? '');
  await look(studio.current, 'playback-view');
  await votes.getByRole('button', { name: /^View 1:/ }).click();
  await expect(page.getByText(/view 2 of \d/)).toBeHidden();
  await page.getByRole('combobox', { name: 'Heat layer' }).selectOption({ label: 'confidence' });
});

test('it is taken along as a GIF, a picture, and data', async () => {
  const { page } = studio.current;
  const save = async (format: string): Promise<Buffer> => {
    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export the playback' });
    await dialog.getByText(format, { exact: true }).click();
    if (format === 'GIF') await look(studio.current, 'playback-export');
    const bytes = await downloaded(studio.current, () =>
      dialog.getByRole('button', { name: 'Export', exact: true }).click(),
    );
    await expect(dialog).toBeHidden();
    return bytes;
  };
  const gif = await save('GIF');
  expect(gif.subarray(0, 6).toString('latin1')).toBe('GIF89a');
  // The browser's own decoder takes it, and finds a frame per ACT step.
  const decoded = await page.evaluate(`(async () => {
    const bytes = Uint8Array.from(atob('${gif.toString('base64')}'), (c) => c.charCodeAt(0));
    const decoder = new ImageDecoder({ data: bytes, type: 'image/gif' });
    await decoder.completed;
    const { image } = await decoder.decode({ frameIndex: 5 });
    return { frames: decoder.tracks.selectedTrack.frameCount, width: image.displayWidth };
  })()`);
  expect(decoded).toEqual({ frames: 6, width: gif.readUInt16LE(6) });

  const png = await save('PNG, all steps');
  expect(png.subarray(1, 4).toString('latin1')).toBe('PNG');
  const trace = await save('Trace');
  const header = JSON.parse(trace.toString('utf8', 8, 8 + Number(trace.readBigUInt64LE(0)))) as Record<string, unknown>;
  expect(Object.keys(header)).toEqual(
    expect.arrayContaining(['tokens.z_H', 'tokens.z_L', 'inner.tokens', 'views.tokens']),
  );
  const json = JSON.parse((await save('JSON')).toString()) as { steps: unknown[] };
  expect(json.steps).toHaveLength(6);
});

test('two checkpoints play on one transport', async () => {
  const { page } = studio.current;
  await page.getByRole('button', { name: 'Compare checkpoints…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Compare checkpoints' });
  await dialog.getByRole('button', { name: /^step 20/ }).click();
  const second = page.getByRole('slider', { name: 'ACT step, tiny thinker, step 20' });
  await expect(second).toHaveAttribute('aria-valuenow', '6', { timeout: 60_000 });
  await page.keyboard.press('Home');
  await expect(second).toHaveAttribute('aria-valuenow', '1');
  await expect(page.getByRole('img', { name: /^Prediction at step 1, tiny thinker, step 20/ })).toBeVisible();
  await look(studio.current, 'playback-compare');
  await page.getByRole('button', { name: 'End comparison' }).click();
  await expect(second).toBeHidden();
});

test('more ACT steps than training takes are told apart', async () => {
  const { page } = studio.current;
  await page.getByRole('button', { name: 'Other example…' }).click();
  await page.getByRole('textbox', { name: 'ACT steps' }).fill('64');
  await page.getByRole('button', { name: /, test example 0$/ }).click();
  await expect(stepSlider(page)).toHaveAttribute('aria-valuenow', '64', { timeout: 60_000 });
  await expect(page.getByTitle('Beyond the ACT steps that training takes')).toHaveCount(58);
  await look(studio.current, 'playback-beyond');
});
