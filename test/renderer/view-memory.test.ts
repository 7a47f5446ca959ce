import { flushPromises } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { afterEach, describe, expect, it } from 'vitest';
import { SettingsSchema } from '@shared/contract/app';
import { provideClient } from '@renderer/kernel/client';
import { useSettings } from '@renderer/kernel/stores/settings';
import { createFixtureClient, type FixtureClient, type FixtureOptions } from './fixtures/client';

let client: FixtureClient;
function prepare(answers: FixtureOptions['answers']): void {
  setActivePinia(createPinia());
  client = createFixtureClient({ answers });
  provideClient(client);
}
afterEach(() => sessionStorage.clear());

describe('the memory of the window', () => {
  it('keeps what a reload cut off before the studio heard of it', async () => {
    prepare({ 'settings.set': () => new Promise(() => undefined) as never });
    await useSettings().load();
    useSettings().remember('runs.search', 'sudoku');
    useSettings().remember('runs.search', '');
    prepare({ 'settings.get': () => ({ ...SettingsSchema.parse({}), view: { 'runs.search': 'sudoku' } }) });
    await useSettings().load();
    expect(useSettings().settings.view['runs.search']).toBe('');
    await flushPromises();
    expect(client.calls.at(-1)).toMatchObject({ method: 'settings.set', input: { view: { 'runs.search': '' } } });
    // Confirmed: now the studio's word counts again.
    prepare({ 'settings.get': () => ({ ...SettingsSchema.parse({}), view: { 'runs.search': 'maze' } }) });
    await useSettings().load();
    expect(useSettings().settings.view['runs.search']).toBe('maze');
  });
});
