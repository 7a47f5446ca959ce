/** What every screen is held to: accessibility, and a picture in light and in dark. */
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { type Page, expect } from '@playwright/test';
import { ROOT, type Studio } from './studio';

const SERIOUS = new Set(['serious', 'critical']);

/** No serious or critical violation of WCAG 2 A and AA, as far as axe can tell. */
export async function expectAccessible(page: Page, screen: string): Promise<void> {
  // Legacy mode analyses in the page itself: Electron has no second page to work in.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  const found = violations
    .filter((violation) => SERIOUS.has(violation.impact ?? ''))
    .map(({ id, help, nodes }) => `${id}: ${help}\n    ${nodes.map((node) => node.target.join(' ')).join('\n    ')}`);
  expect(found, `${screen}: ${found.join('\n')}`).toEqual([]);
}

async function setTheme(page: Page, theme: 'light' | 'dark' | null): Promise<void> {
  await page.emulateMedia({ colorScheme: theme });
  if (theme) await expect(page.locator(theme === 'dark' ? 'html.dark' : 'html:not(.dark)')).toBeAttached();
}

/** Checks the present screen in both themes and leaves `test/artifacts/<kind>/<screen>-<theme>.png`. */
export async function look(studio: Studio, screen: string): Promise<void> {
  const { page, kind } = studio;
  for (const theme of ['light', 'dark'] as const) {
    await setTheme(page, theme);
    await page.screenshot({
      path: join(ROOT, 'test/artifacts', kind, `${screen}-${theme}.png`),
      animations: 'disabled',
    });
    await expectAccessible(page, `${screen}, ${theme}`);
  }
  await setTheme(page, null);
}
