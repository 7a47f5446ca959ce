import { expect, test, withStudio } from './support/test';
import { look } from './support/look';

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
