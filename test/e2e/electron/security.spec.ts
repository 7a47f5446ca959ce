/** What the window may not do besides Electron's checklist (checklist.spec.ts). */
import { join } from 'node:path';
import type { ElectronStudio } from '../support/electron';
import { writeFiles } from '../support/tasks';
import { expect, test, withStudio } from '../support/test';

const studio = withStudio();
const electron = () => studio.current as ElectronStudio;

test('the bridge knows the path of a file that was chosen, and of no other', async () => {
  const { page } = studio.current;
  await page.evaluate(`(() => {
    const input = document.createElement('input');
    input.type = 'file';
    input.id = 'chosen';
    document.body.append(input);
  })()`);
  const file = join(writeFiles({ 'a b.json': '{}' }), 'a b.json');
  await page.setInputFiles('#chosen', file);
  expect(await page.evaluate(`window.trm.pathOf(document.querySelector('#chosen').files[0])`)).toBe(file);
  expect(await page.evaluate(`window.trm.pathOf(new File(['{}'], 'b.json'))`)).toBeNull();
});

test('the window checks no spelling, which would send words to a server of Google', async () => {
  expect(await electron().app.evaluate(({ session }) => session.defaultSession.isSpellCheckerEnabled())).toBe(false);
});
