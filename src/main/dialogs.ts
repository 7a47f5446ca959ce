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
