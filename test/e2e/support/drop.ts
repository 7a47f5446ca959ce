import { type Page, expect } from '@playwright/test';

/** What a browser calls a file while it hovers, and what the window then says of one and of many. */
const KINDS = [
  { ending: '.json', type: 'application/json', words: 'JSON file' },
  { ending: '.zip', type: 'application/zip', words: 'zip archive' },
  { ending: '.csv', type: 'text/csv', words: 'CSV file' },
];

const bytesOf = (value: unknown): Uint8Array =>
  value instanceof Uint8Array ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

/**
 * Lets files go over the window; pages have no paths, so this is the way by content in both kinds of window. Texts and
 * bytes go as they are, all else as JSON.
 */
export async function dropFiles(page: Page, files: Record<string, unknown>): Promise<void> {
  const kindOf = (name: string) => KINDS.find(({ ending }) => name.endsWith(ending)) ?? KINDS[0];
  const list = Object.entries(files).map(([name, value]) => [
    name,
    Buffer.from(bytesOf(value)).toString('base64'),
    kindOf(name).type,
  ]);
  // Code of the page: the tests themselves are compiled without the DOM's types.
  const data = await page.evaluateHandle(`(() => {
    const transfer = new DataTransfer();
    for (const [name, base64, type] of ${JSON.stringify(list)}) {
      transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type }));
    }
    return transfer;
  })()`);
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: data });
  const said = KINDS.map((kind) => ({ ...kind, n: Object.keys(files).filter((name) => kindOf(name) === kind).length }))
    .filter(({ n }) => n > 0)
    .map(({ n, words }) => `${n} ${words}${n === 1 ? '' : 's'}`);
  await expect(page.getByText(said.join(', '), { exact: true })).toBeVisible();
  await page.dispatchEvent('body', 'dragover', { dataTransfer: data });
  await page.dispatchEvent('body', 'drop', { dataTransfer: data });
}
