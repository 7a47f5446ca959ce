import { type BrowserWindow, type OpenDialogOptions, dialog } from 'electron';

/** `import.choose`: the system's file dialog. Files and folders are asked for apart: only macOS can offer both in one. */
export async function chooseImport(
  window: BrowserWindow | undefined,
  folders: boolean,
): Promise<{ paths: string[] } | null> {
  const options: OpenDialogOptions = folders
    ? { title: 'Import folders of tasks', buttonLabel: 'Import', properties: ['openDirectory', 'multiSelections'] }
    : {
        title: 'Import tasks',
        buttonLabel: 'Import',
        properties: ['openFile', 'multiSelections'],
        filters: [
          { name: 'ARC tasks', extensions: ['json'] },
          { name: 'All files', extensions: ['*'] },
        ],
      };
  const { canceled, filePaths } = window
    ? await dialog.showOpenDialog(window, options)
    : await dialog.showOpenDialog(options);
  return canceled || filePaths.length === 0 ? null : { paths: filePaths };
}

const CHOICES: Record<'checkpoint' | 'config' | 'identifiers' | 'folder', OpenDialogOptions> = {
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
