/** Electron's entry: one instance per studio home, one window, and the studio behind it. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { app } from 'electron';
import { endOnCrash } from '../studio/crash';
import { makeFolders, resolveHome } from '../studio/home';
import { App } from './app';
import { sayEnd } from './dialogs';
import { homeOption } from './options';
import { declareScheme } from './protocol';
import { restrictContents } from './window';

app.setName('TRM Studio');
endOnCrash({
  home: homeOption(process.argv.slice(1)),
  say: (sentence) => sayEnd(sentence),
  exit: (code) => app.exit(code),
});
// For every renderer there could ever be; the own window asks for it as well. Root cannot have it (start.mjs says so).
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
declareScheme();
restrictContents();

const root = resolveHome(homeOption(process.argv.slice(1)));
// Chromium's own files live in the home as well: homes are independent of one another, and so are their instances.
let userData = join(root, 'window');
try {
  makeFolders(userData, 0o700);
} catch {
  // Opening the studio will fail for the same reason; Chromium still needs a folder in which to show what it says.
  userData = mkdtempSync(join(tmpdir(), 'trm-studio-'));
}
app.setPath('userData', userData);

if (app.requestSingleInstanceLock()) {
  const instance = new App(root, userData);
  app.on('second-instance', () => instance.focus());
  app.on('activate', () => instance.focus());
  app
    .whenReady()
    .then(() => instance.start())
    .catch((error: unknown) => instance.refuse(error));
} else {
  process.stderr.write(`TRM Studio is already open with the home ${root}; its window was brought to the front.\n`);
  app.quit();
}
