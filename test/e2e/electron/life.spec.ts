/** Electron's own part: one instance, the window's place, the menu, sleep, quitting while a model trains. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ElectronStudio } from '../support/electron';
import { expect, test, withStudio } from '../support/test';
import { buildSudoku, expectBeyond, expectStatus, goTo, runHead, startRun, stepOf } from '../support/training';

const studio = withStudio();
const electron = () => studio.current as ElectronStudio;

const chooseMenu = (label: string) =>
  electron().app.evaluate(({ Menu, BrowserWindow }, wanted) => {
    const items = (Menu.getApplicationMenu()?.items ?? []).flatMap((item) => item.submenu?.items ?? []);
    const item = items.find((candidate) => candidate.label === wanted);
    if (!item) throw new Error(`no menu item ${wanted}; there are ${items.map((i) => i.label).join(', ')}`);
    item.click(undefined, BrowserWindow.getAllWindows()[0], {});
  }, label);

test('the menu leads to the screens and to what they do', async () => {
  const { page } = studio.current;
  for (const screen of ['Datasets', 'Runs', 'Playback', 'Tasks']) {
    await chooseMenu(screen);
    await expect(page.getByRole('heading', { name: screen, exact: true, level: 1 })).toBeVisible();
  }
  await chooseMenu('New run…');
  await expect(page.getByRole('heading', { name: 'New run', level: 1 })).toBeVisible();
  await chooseMenu('Import…');
  await expect(page.getByRole('dialog', { name: 'Import', exact: true })).toBeVisible();
  await page.keyboard.press('Escape');
  await chooseMenu('Command palette…');
  await expect(page.getByRole('dialog', { name: 'Command palette' })).toBeVisible();
  await page.keyboard.press('Escape');
  await chooseMenu('About TRM Studio');
  await expect.poll(async () => (await electron().seen()).questions.at(-1)?.detail).toContain(studio.current.home);
});

test('a fault that nobody caught is said in one sentence, and ends the app with a code', async () => {
  const { app, home } = electron();
  const gone = electron().exited();
  let said = '';
  app.process().stderr?.on('data', (chunk) => (said += String(chunk)));
  // The answer may be lost with the process.
  await app
    .evaluate(() => void setTimeout(() => Promise.reject(new Error('injected fault')), 50))
    .catch(() => undefined);
  expect(await gone).toBe(1);
  expect(said.match(/unexpected fault/g)).toHaveLength(1);
  expect(readFileSync(join(home, 'logs', 'studio.log'), 'utf8')).toContain('injected fault');
  await electron().open();
});

test('a second start brings the first window to the front and ends', async () => {
  const { app } = electron();
  await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].hide());
  const [file, ...args] = app.process().spawnargs;
  const second = spawn(
    app.process().spawnfile ?? file,
    // Without Playwright's own switches and loader.
    args.filter(
      (arg) => !arg.startsWith('--inspect') && !arg.startsWith('--remote-debugging') && !/loader\.js$|^-r$/.test(arg),
    ),
    { cwd: process.cwd(), env: { ...process.env, TRM_HOME: studio.current.home }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  second.stderr?.on('data', (chunk) => (said += String(chunk)));
  expect(await new Promise((done) => second.once('exit', done))).toBe(0);
  expect(said).toContain('already open');
  await expect.poll(() => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].isVisible())).toBe(true);
});

test('the window comes back where it was', async () => {
  const set = { x: 40, y: 30, width: 1111, height: 777 };
  await electron().app.evaluate(({ BrowserWindow }, bounds) => BrowserWindow.getAllWindows()[0].setBounds(bounds), set);
  const bounds = () => electron().app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].getBounds());
  await expect.poll(async () => (await bounds()).width).toBe(1111);
  const before = await bounds();
  await studio.current.restart();
  await expect.poll(bounds).toEqual(before);
});

test('the theme is kept and known before the first frame', async () => {
  const { page } = studio.current;
  await goTo(page, 'Settings');
  await page.getByRole('group', { name: 'Theme' }).getByText('Dark').click();
  const source = () => electron().app.evaluate(({ nativeTheme }) => nativeTheme.themeSource);
  await expect.poll(source).toBe('dark');
  await studio.current.restart();
  expect(await source()).toBe('dark');
  await expect(studio.current.page.locator('html.dark')).toBeAttached();
});

test('quitting while a model trains asks; “Keep training” keeps all as it is', async () => {
  const { page } = studio.current;
  await buildSudoku(page, 'small sudoku');
  await startRun(page, 'long run', 'small sudoku');
  await expectStatus(page, 'Training');
  await expectBeyond(page, 5);
  expect(await electron().app.evaluate(({ powerSaveBlocker }) => powerSaveBlocker.isStarted(0))).toBe(true);

  await electron().pressButton(1);
  await electron().app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].close());
  await expect.poll(async () => (await electron().seen()).questions).toHaveLength(1);
  const [question] = (await electron().seen()).questions;
  expect(question.message).toBe('“long run” is training.');
  expect(question.detail).toMatch(/step [\d,]+ of [\d,]+.*checkpoint is saved/);
  expect(question.buttons).toEqual(['Save and quit', 'Keep training']);
  await expectBeyond(page, await stepOf(page));
});

test('“Save and quit” saves, and the run goes on at the next start', async () => {
  const before = await stepOf(studio.current.page);
  await electron().pressButton(0);
  // restart() quits as a person does, and waits for the process to end by itself.
  await studio.current.restart();
  const { page } = studio.current;
  await goTo(page, 'Runs');
  await page.getByRole('link', { name: 'long run' }).first().click();
  await expectStatus(page, 'Training');
  await expectBeyond(page, before);
  await expect(page.getByText(/TRM Studio was closed|Stopped at step/).first()).toBeVisible();
});

test('SIGTERM saves without asking', async () => {
  const { page } = studio.current;
  const before = await stepOf(page);
  const gone = electron().exited();
  electron().app.process().kill('SIGTERM');
  expect(await gone).toBe(0);
  await electron().open();
  await goTo(electron().page, 'Runs');
  await electron().page.getByRole('link', { name: 'long run' }).first().click();
  await expectStatus(electron().page, 'Training');
  await expectBeyond(electron().page, before);
  await runHead(electron().page).getByRole('button', { name: 'Stop' }).click();
  await expectStatus(electron().page, 'Stopped');
  await expect.poll(() => electron().app.evaluate(({ powerSaveBlocker }) => powerSaveBlocker.isStarted(0))).toBe(false);
});

test('a renderer that crashes is loaded again, and training is not touched', async () => {
  const { page } = studio.current;
  await runHead(page).getByRole('button', { name: 'Resume' }).click();
  await expectStatus(page, 'Training');
  await electron().pressButton(0);
  await electron().app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0].webContents.forcefullyCrashRenderer(),
  );
  await expect
    .poll(async () => (await electron().seen()).questions.map((question) => question.message).join())
    .toContain('display process ended');
  const inWindow = (code: string) =>
    electron().app.evaluate(
      ({ BrowserWindow }, script) => BrowserWindow.getAllWindows()[0].webContents.executeJavaScript(script),
      code,
    );
  // Playwright loses a page that has crashed; the window itself is asked.
  await expect.poll(() => inWindow(`document.querySelector('h1')?.textContent ?? ''`).catch(() => '')).toBe('long run');
  expect(await inWindow(`window.trm.call('runs.list', {}).then(([run]) => run.status)`)).toBe('running');
});

test('after the app was killed the run says what is kept, and goes on from there', async () => {
  const gone = electron().exited();
  electron().app.process().kill('SIGKILL');
  await gone;
  await electron().open();
  const { page } = studio.current;
  await goTo(page, 'Runs');
  await page.getByRole('link', { name: 'long run' }).first().click();
  await expectStatus(page, 'Stopped');
  const said = page.getByRole('status').filter({ hasText: 'TRM Studio ended without a chance to save' });
  await expect(said).toContainText('it can be resumed from the checkpoint of step');
  const saved = Number(/step ([\d,]+)/.exec(await said.innerText())?.[1].replaceAll(',', ''));
  await runHead(page).getByRole('button', { name: 'Resume' }).click();
  await expectStatus(page, 'Training');
  await expectBeyond(page, saved);
});
