import { type Page, expect } from '@playwright/test';

/** Lets files go over the window; pages have no paths, so this is the way by content in both kinds of window. */
export async function dropFiles(page: Page, files: Record<string, unknown>): Promise<void> {
  const list = Object.entries(files).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  // Code of the page: the tests themselves are compiled without the DOM's types.
  const data = await page.evaluateHandle(`(() => {
    const transfer = new DataTransfer();
    for (const [name, text] of ${JSON.stringify(list)}) {
      transfer.items.add(new File([text], name, { type: 'application/json' }));
    }
    return transfer;
  })()`);
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: data });
  const count = Object.keys(files).length;
  await expect(page.getByText(count === 1 ? '1 JSON file' : `${count} JSON files`)).toBeVisible();
  await page.dispatchEvent('body', 'dragover', { dataTransfer: data });
  await page.dispatchEvent('body', 'drop', { dataTransfer: data });
}
