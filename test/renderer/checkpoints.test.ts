import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { TooltipProvider } from 'reka-ui';
import { afterEach, describe, expect, it } from 'vitest';
import { h, type Component } from 'vue';
import { createMemoryHistory, createRouter, type Router } from 'vue-router';
import type { ImportReport } from '../../src/shared/checkpoint';
import { defaultConfig } from '../../src/shared/config';
import { StudioError } from '../../src/shared/errors';
import { provideClient } from '../../src/renderer/kernel/client';
import CheckpointImportDialog from '../../src/renderer/exchange/CheckpointImportDialog.vue';
import ExportDialog from '../../src/renderer/exchange/ExportDialog.vue';
import {
  cancelCheckpointImport,
  incoming,
  isCheckpointName,
  startCheckpointImport,
} from '../../src/renderer/intake/useCheckpointImport';
import { importDropped } from '../../src/renderer/intake/useImport';
import type { CheckpointInfo } from '../../src/shared/contract/runs';
import { createFixtureClient, fixtureRun, type FixtureClient } from './fixtures/client';

const REPORT: ImportReport = {
  path: '/data/step_500',
  format: 'pytorch',
  bytes: 2_440_000_000,
  step: 500,
  parameters: 6_829_058,
  config: defaultConfig(),
  config_from: null,
  assumed: [
    { key: 'arch.L_cycles', value: 6, why: 'the weights do not show it' },
    { key: 'seq_len', value: 900, why: 'the usual canvas of puzzles with 12 tokens' },
  ],
  seq_len: 900,
  vocab_size: 12,
  kind: 'arc',
  rows: 30,
  columns: 30,
  embedding: {
    file_rows: 1_190_000,
    rows: 49,
    matched: 40,
    mean: 9,
    rule: 'names',
    names_from: '/data/identifiers.json',
    sentence: '40 of 49 embedding rows were found by puzzle name; 9 are new and start from the mean of all rows.',
  },
  data_path: null,
  notes: ['It has no dataset yet.'],
  warnings: ['lm_head.weight has 3 numbers that are NaN or infinite: this checkpoint cannot answer anything.'],
  exact: false,
};

let client: FixtureClient;
let router: Router;
let wrapper: VueWrapper | undefined;

async function show(component: Component, props: Record<string, unknown>, answers: object): Promise<void> {
  setActivePinia(createPinia());
  client = createFixtureClient({ runs: [fixtureRun()], answers: { 'datasets.list': () => [], ...answers } });
  provideClient(client);
  router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/:rest(.*)*', component: { template: '<i />' } }],
  });
  await router.push('/');
  const root = { render: () => h(TooltipProvider, () => [h(component, props)]) };
  wrapper = mount(root, { global: { plugins: [router] }, attachTo: document.body });
  await flushPromises();
}

const text = (): string => document.body.textContent?.replace(/\s+/g, ' ') ?? '';
const button = (name: string): HTMLButtonElement => {
  const found = [...document.querySelectorAll('button')].find((b) => b.textContent?.trim() === name);
  if (!found) throw new Error(`no button "${name}"`);
  return found;
};
const input = (label: string): HTMLInputElement => {
  const named = [...document.querySelectorAll('label')].find((l) => l.textContent?.trim() === label);
  return document.getElementById(named?.getAttribute('for') ?? '') as HTMLInputElement;
};
function type(label: string, value: string): void {
  input(label).value = value;
  input(label).dispatchEvent(new Event('input'));
}
const made = (method: string) => client.calls.filter((call) => call.method === method).map((call) => call.input);

afterEach(() => {
  cancelCheckpointImport();
  wrapper?.unmount();
  wrapper = undefined;
  document.body.innerHTML = '';
});

describe('importing a checkpoint', () => {
  it('looks first, shows what was found and what is assumed, then makes the run and goes to it', async () => {
    await show(
      CheckpointImportDialog,
      {},
      {
        'checkpoints.inspect': () => REPORT,
        'checkpoints.import': () => ({ run: fixtureRun({ id: 'newrun01' }), report: REPORT }),
      },
    );
    startCheckpointImport('/data/step_500');
    await flushPromises();
    expect(text()).toMatch(/40 taken over.*9 start from the mean.*of 1,190,000 in the file/);
    expect(text()).toMatch(/lm_head\.weight has 3 numbers that are NaN/);
    expect(text()).toMatch(/made from the weights’ shapes/);
    type('arch.L_cycles', '4');
    await flushPromises();
    button('Import').click();
    await flushPromises();
    expect(made('checkpoints.import')).toMatchObject([{ path: '/data/step_500', overrides: { 'arch.L_cycles': 4 } }]);
    expect(router.currentRoute.value.path).toBe('/runs/newrun01');
    expect(incoming.open).toBe(false);
  });

  it('keeps a refusal in sight, and offers no import of a file that was not looked into', async () => {
    let good = true;
    await show(
      CheckpointImportDialog,
      {},
      {
        'checkpoints.inspect': () => {
          if (good) return REPORT;
          throw new StudioError('bad_input', '/data/evil is not opened: it asks for "posix.system".');
        },
      },
    );
    startCheckpointImport('/data/step_500');
    await flushPromises();
    good = false;
    type('Checkpoint', '/data/evil');
    await flushPromises();
    expect(button('Import').disabled).toBe(true);
    button('Look again').click();
    await flushPromises();
    expect(text()).toContain('asks for "posix.system"');
    expect(text()).not.toContain('40 taken over');
    expect([...document.querySelectorAll('button')].some((b) => b.textContent?.trim() === 'Import')).toBe(false);
  });

  it('ends what is being written when it is closed', async () => {
    await show(
      CheckpointImportDialog,
      {},
      {
        'checkpoints.inspect': () => REPORT,
        'checkpoints.import': () => new Promise(() => undefined),
        'checkpoints.cancel': () => ({}),
      },
    );
    startCheckpointImport('/data/step_500');
    await flushPromises();
    button('Import').click();
    await flushPromises();
    const [{ task }] = made('checkpoints.import') as { task: string }[];
    client.emit('checkpoint.progress', { task, done: 5, total: 10, what: 'embedding rows', seconds_left: 3 });
    await flushPromises();
    expect(text()).toContain('5 of 10 embedding rows, 3 s left');
    button('Cancel').click();
    await flushPromises();
    expect(made('checkpoints.cancel')).toEqual([{ task }]);
    expect(incoming.open).toBe(false);
  });
});

describe('a dropped file', () => {
  it('is a checkpoint by its name', () => {
    for (const name of ['step_155718', 'model.safetensors', 'x.pt']) expect(isCheckpointName(name)).toBe(true);
    for (const name of ['tasks.json', 'step_x', 'step_5_all_preds.0', 'README'])
      expect(isCheckpointName(name)).toBe(false);
  });

  it('opens the dialog; a browser does not know its path, and the dialog asks for it', async () => {
    await show(CheckpointImportDialog, {}, {});
    const files = [new File(['PK'], 'step_500')];
    importDropped({ files, items: [] } as unknown as DataTransfer);
    await flushPromises();
    expect(incoming).toMatchObject({ open: true, path: '' });
    expect(text()).toContain('A browser does not tell where step_500 is');
  });
});

describe('exporting a checkpoint', () => {
  const checkpoint: CheckpointInfo = {
    id: 7, run: 'r', step: 24, created: '2026-11-25T10:00:00Z', path: '/home/step_24.safetensors', bytes: 1, sha256: '',
    reason: 'end', exact_accuracy: null, best: false,
  }; // prettier-ignore

  it('asks for a folder, writes, and says how the reference goes on', async () => {
    const files = [
      { path: '/out/step_24', bytes: 120_759 },
      { path: '/out/all_config.yaml', bytes: 906 },
    ];
    let there = true;
    await show(
      ExportDialog,
      { run: fixtureRun(), checkpoint },
      {
        'checkpoints.export': () => {
          if (there) throw new StudioError('conflict', '/out/step_24 is already there.');
          return { folder: '/out', step: 24, files, weights: 'ema' };
        },
      },
    );
    expect(button('Export').disabled).toBe(true);
    type('Folder', '/out');
    await flushPromises();
    button('Export').click();
    await flushPromises();
    expect(text()).toContain('already there');
    expect(text()).toContain('Write over step_24');
    there = false;
    document.querySelector<HTMLButtonElement>('[aria-label="Write over it"]')?.click();
    await flushPromises();
    button('Export').click();
    await flushPromises();
    expect(made('checkpoints.export')[1]).toMatchObject({
      checkpoint: 7,
      format: 'pytorch',
      out: '/out',
      overwrite: true,
    });
    expect(text()).toContain('load_checkpoint=/out/step_24');
  });
});
