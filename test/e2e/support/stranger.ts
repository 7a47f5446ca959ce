import { join } from 'node:path';
import type { ElectronApplication } from '@playwright/test';
import { ROOT } from './studio';

/** The page that the window loads, the script that it is asked, and how it differs from the app's own window. */
export type StrangerQuestion = [page: string, script: string, webPreferences?: Record<string, unknown>];

/** What a window that is not the app's own says to a script; it has the app's preload, and is closed again. */
export function askStranger(
  app: ElectronApplication,
  ...[page, script, webPreferences = {}]: StrangerQuestion
): Promise<unknown> {
  return app.evaluate(
    async ({ BrowserWindow }, given) => {
      const window = new BrowserWindow({ show: false, webPreferences: given.webPreferences });
      try {
        await window.loadURL(given.page);
        return (await window.webContents.executeJavaScript(given.script)) as unknown;
      } finally {
        window.destroy();
      }
    },
    { page, script, webPreferences: { preload: join(ROOT, 'out/preload/index.js'), sandbox: true, ...webPreferences } },
  );
}
