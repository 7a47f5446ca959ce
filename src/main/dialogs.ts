import { type BrowserWindow, type OpenDialogOptions, app, dialog } from 'electron';
import { proposeSegment } from '../shared/path-segment';

/** A word that nobody reads must not keep a process alive whose work is saved. */
const READ_MS = 60_000;

/** The last sentence of an app that ends by a fault: in the terminal, and on the screen until it is read or a minute has passed. */
export async function sayEnd(sentence: string): Promise<void> {
  process.stderr.write(`${sentence}\n`);
  if (!app.isReady()) return;
  const box = { type: 'error' as const, message: 'TRM Studio has ended', detail: sentence, buttons: ['Close'] };
  await Promise.race([dialog.showMessageBox(box), new Promise((resolve) => setTimeout(resolve, READ_MS))]);
}

/** `import.choose`: the system's file dialog. Files and folders are asked for apart: only macOS can offer both in one. */
export async function chooseImport(
  window: BrowserWindow | undefined,
  folders: boolean,
): Promise<{ paths: string[] } | null> {
  const options: OpenDialogOptions = folders
    ? { title: 'Import folders', buttonLabel: 'Import', properties: ['openDirectory', 'multiSelections'] }
    : {
        title: 'Import',
        buttonLabel: 'Import',
        properties: ['openFile', 'multiSelections'],
        filters: [
          { name: 'Tasks, puzzles, archives', extensions: ['json', 'csv', 'zip'] },
          { name: 'All files', extensions: ['*'] },
        ],
      };
  const { canceled, filePaths } = window
    ? await dialog.showOpenDialog(window, options)
    : await dialog.showOpenDialog(options);
  return canceled || filePaths.length === 0 ? null : { paths: filePaths };
}

const CHOICES: Record<'checkpoint' | 'config' | 'identifiers' | 'folder' | 'bundle' | 'metrics', OpenDialogOptions> = {
  // step_N files have no extension, so that nothing can be filtered.
  checkpoint: { title: 'Import a checkpoint', buttonLabel: 'Choose', properties: ['openFile'] },
  config: {
    title: 'The checkpoint’s all_config.yaml',
    buttonLabel: 'Choose',
    properties: ['openFile'],
    filters: [{ name: 'YAML', extensions: ['yaml', 'yml'] }],
  },
  identifiers: {
    title: 'The identifiers.json of the checkpoint’s dataset',
    buttonLabel: 'Choose',
    properties: ['openFile'],
    filters: [{ name: 'JSON', extensions: ['json'] }],
  },
  bundle: { title: 'The bundle that comes back', buttonLabel: 'Choose', properties: ['openDirectory'] },
  metrics: {
    title: 'The reference’s metrics',
    buttonLabel: 'Choose',
    properties: ['openFile'],
    filters: [
      { name: 'CSV or JSON lines', extensions: ['csv', 'jsonl'] },
      { name: 'All files', extensions: ['*'] },
    ],
  },
  folder: { title: 'Export into a folder', buttonLabel: 'Choose', properties: ['openDirectory', 'createDirectory'] },
};

/** `checkpoints.choose` */
export async function chooseCheckpoint(
  window: BrowserWindow | undefined,
  what: keyof typeof CHOICES,
): Promise<{ path: string } | null> {
  const options = CHOICES[what];
  const { canceled, filePaths } = window
    ? await dialog.showOpenDialog(window, options)
    : await dialog.showOpenDialog(options);
  return canceled || filePaths.length === 0 ? null : { path: filePaths[0] };
}

/** `exports.choose_save`: where a file is to go; the system asks before one is replaced. */
export async function chooseSave(window: BrowserWindow | undefined, name: string): Promise<{ path: string } | null> {
  const options = { title: 'Export', defaultPath: proposeSegment(name) };
  const { canceled, filePath } = window
    ? await dialog.showSaveDialog(window, options)
    : await dialog.showSaveDialog(options);
  return canceled || !filePath ? null : { path: filePath };
}
