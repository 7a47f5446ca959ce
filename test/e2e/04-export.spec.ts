/** What leaves a run and comes back to it: metrics as files, a bundle for a cluster, and its result. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { look } from './support/look';
import { expect, test, withStudio } from './support/test';
import { buildSudoku, expectBeyond, expectStatus, goTo, startRun, stepOf } from './support/training';
import type { ElectronStudio } from './support/electron';

const studio = withStudio();
const out = mkdtempSync(join(tmpdir(), 'trm-e2e-export-'));
test.afterAll(() => rmSync(out, { recursive: true, force: true }));

const openExport = async (item: RegExp) => {
  const { page } = studio.current;
  await page.getByRole('main').getByRole('button', { name: 'Export', exact: true }).click();
  await page.getByRole('menuitem', { name: item }).click();
};

/** In the desktop a path is chosen in the system's dialog, in the browser it is typed. */
async function givePath(label: RegExp, path: string): Promise<void> {
  const { page, kind } = studio.current;
  const dialog = page.getByRole('dialog');
  if (kind === 'chromium') return dialog.getByLabel(label).fill(path);
  await studio.current.answerFileDialog([path]);
  const field = dialog.getByLabel(label);
  await dialog
    .locator('.field')
    .filter({ has: page.getByLabel(label) })
    .getByRole('button', { name: 'Choose…' })
    .click();
  await expect(field).toHaveValue(path);
}

const PUBLISHED = `run_name="pretrain_att_arc1concept_4"
torchrun --nproc-per-node 4 --rdzv_backend=c10d --rdzv_endpoint=localhost:0 --nnodes=1 pretrain.py \\
arch=trm \\
data_paths="[data/arc1concept-aug-1000]" \\
arch.L_layers=2 \\
arch.H_cycles=3 arch.L_cycles=4 \\
+run_name=\${run_name} ema=True`;

test('a command line of the reference, or its all_config.yaml, fills the form of a new run', async () => {
  const { page } = studio.current;
  await goTo(page, 'Runs');
  await page.getByRole('main').getByRole('button', { name: 'New run' }).first().click();
  await page.getByRole('button', { name: 'Paste overrides…' }).click();
  const paste = page.getByRole('dialog', { name: 'Paste overrides' });
  await paste.getByRole('textbox', { name: 'Overrides' }).fill(PUBLISHED.replace('arch.L_cycles', 'arch.L_cycle'));
  await expect(paste.getByRole('alert')).toContainText('did you mean arch.L_cycles');
  await paste.getByRole('textbox', { name: 'Overrides' }).fill(PUBLISHED);
  await expect(paste.getByText('The command is for 4 processes')).toBeVisible();
  await look(studio.current, 'paste-command');
  await paste.getByRole('button', { name: /^Apply/ }).click();
  await expect(page.getByRole('textbox', { name: 'Name', exact: true })).toHaveValue('pretrain_att_arc1concept_4');
  await expect(page.getByText('data/arc1concept-aug-1000 is not among the datasets here')).toBeVisible();
  await expect(page.getByRole('radio', { name: /ARC-AGI-1, published/ })).toBeChecked();
  await expect(page.getByText('Nothing: the preset as it is.')).toBeVisible();
  await page.getByRole('searchbox', { name: 'Search the config' }).fill('L_cycles');
  await expect(page.getByRole('textbox', { name: 'arch.L_cycles' })).toHaveValue('4');

  await page.getByRole('button', { name: 'Paste overrides…' }).click();
  await paste.getByLabel('all_config.yaml').setInputFiles(join(__dirname, '../golden/all-config/sudoku-mlp.yaml'));
  await expect(paste.getByText('sets 43 values')).toBeVisible();
  await look(studio.current, 'paste-file');
  await paste.getByRole('button', { name: /^Apply/ }).click();
  await expect(page.getByRole('textbox', { name: 'arch.L_cycles' })).toHaveValue('6');
});

test('a run that has a checkpoint', async () => {
  const { page } = studio.current;
  await buildSudoku(page, 'export-data');
  await startRun(page, "to the cluster's", 'export-data');
  await expectBeyond(page, 30);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await expectStatus(page, 'Stopped');
});

test('gives its metrics as a file', async () => {
  const { page, kind } = studio.current;
  const target = join(out, 'metrics.csv');
  await openExport(/Metrics/);
  const dialog = page.getByRole('dialog', { name: /Export the metrics/ });
  await look(studio.current, 'export-metrics');
  if (kind === 'chromium') {
    const coming = page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'Download' }).click();
    await (await coming).saveAs(join(out, 'downloaded.csv'));
    await dialog.getByLabel(/path on the studio/).fill(target);
    await dialog.getByRole('button', { name: 'Write there' }).click();
  } else {
    await (studio.current as ElectronStudio).app.evaluate(({ dialog: native }, filePath) => {
      native.showSaveDialog = (async () => ({ canceled: false, filePath })) as never;
    }, target);
    await dialog.getByRole('button', { name: 'Save as…' }).click();
  }
  await expect(dialog.getByRole('status')).toContainText(target);
  const lines = readFileSync(target, 'utf8').trim().split('\n');
  expect(lines[0]).toMatch(/^_step,_runtime,_timestamp,train\/lm_loss/);
  expect(lines.length).toBeGreaterThan(30);
  if (kind === 'chromium') expect(readFileSync(join(out, 'downloaded.csv'), 'utf8')).toBe(readFileSync(target, 'utf8'));
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  await expect(dialog).toBeHidden();
});

test('goes out as a bundle', async () => {
  const { page } = studio.current;
  const folder = join(out, `bundle "x"`);
  await openExport(/Export bundle/);
  const dialog = page.getByRole('dialog', { name: /as a bundle/ });
  await dialog.getByLabel('GPUs per node').fill('0');
  await expect(dialog.getByText('0 does not fit: a whole number from 1.')).toBeVisible();
  await dialog.getByLabel('GPUs per node').fill('3');
  // The system's dialog makes the folder it gives back.
  mkdirSync(folder);
  await givePath(/^Folder/, folder);
  await dialog.getByRole('button', { name: 'Export', exact: true }).click();
  await expect(dialog.getByRole('alert')).toContainText('global_batch_size is 16, which 3 GPUs cannot share evenly');
  await dialog.getByLabel('GPUs per node').fill('2');
  await look(studio.current, 'export-bundle');
  await dialog.getByRole('button', { name: 'Export', exact: true }).click();
  await expect(dialog.getByText('The reference goes on from step')).toBeVisible();
  await look(studio.current, 'export-bundle-done');
  await dialog.getByRole('button', { name: 'Done' }).click();
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['run.sh', 'all_config.yaml', 'README.md', 'dataset']));
  expect(existsSync(join(folder, 'dataset', 'train', 'dataset.json'))).toBe(true);
});

test('and comes back with what was trained elsewhere', async () => {
  const { page } = studio.current;
  const folder = join(out, `bundle "x"`);
  await openExport(/Bring back/);
  const dialog = page.getByRole('dialog', { name: /back$/ });
  await givePath(/^Bundle/, folder);
  await dialog.getByRole('button', { name: 'Bring back' }).click();
  await expect(dialog.getByRole('alert')).toContainText('holds no step_N yet');
  // What the reference would leave there after 24 steps.
  mkdirSync(join(folder, 'result'));
  const step = readdirSync(folder).find((name) => /^step_\d+$/.test(name)) as string;
  copyFileSync(join(folder, step), join(folder, 'result', 'step_24'));
  const history = join(out, 'history.jsonl');
  writeFileSync(
    history,
    Array.from({ length: 24 }, (_, i) => JSON.stringify({ _step: i + 1, 'train/lm_loss': 1 })).join('\n'),
  );
  await givePath(/^Metrics/, history);
  await look(studio.current, 'bring-back');
  await dialog.getByRole('button', { name: 'Bring back' }).click();
  await expect(dialog.getByText('with 24 points of metrics')).toBeVisible();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expectStatus(page, 'Stopped');
  const before = Number(step.slice('step_'.length));
  expect(await stepOf(page)).toBe(before + 24);
  await page.getByRole('button', { name: 'Resume' }).click();
  await expectBeyond(page, before + 26);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await expectStatus(page, 'Stopped');
});
