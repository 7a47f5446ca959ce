import { Menu, type MenuItemConstructorOptions, app, shell } from 'electron';
import type { AppCommand } from '../shared/contract/app';
import { SCREENS } from '../shared/screens';

export interface MenuActions {
  command(command: AppCommand): void;
  showLogs(): void;
  showHome(): void;
  about(): void;
}

const HELP_URL = 'https://github.com/SamsungSAILMontreal/TinyRecursiveModels';

/** The menu bar: the platform's usual items, and the screens under the numbers that also work as plain keys. */
export function installMenu(actions: MenuActions): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(actions, process.platform === 'darwin')));
}

export function menuTemplate(actions: MenuActions, mac: boolean): MenuItemConstructorOptions[] {
  const go = (label: string, screen: Extract<AppCommand, { command: 'go' }>['screen'], accelerator: string) => ({
    label,
    accelerator,
    click: () => actions.command({ command: 'go', screen }),
  });
  const settings = go('Settings…', 'settings', 'CmdOrCtrl+,');
  const about: MenuItemConstructorOptions = { label: `About ${app.name}`, click: actions.about };
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const appMenu: MenuItemConstructorOptions = {
    label: app.name,
    submenu: [
      about,
      separator,
      settings,
      separator,
      { role: 'services' },
      separator,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      separator,
      { role: 'quit' },
    ],
  };
  const file: MenuItemConstructorOptions = {
    label: '&File',
    submenu: [
      go('New run…', 'new-run', 'CmdOrCtrl+N'),
      { label: 'Import…', accelerator: 'CmdOrCtrl+O', click: () => actions.command({ command: 'import' }) },
      ...(mac ? [separator, { role: 'close' } as const] : [separator, settings, separator, { role: 'quit' } as const]),
    ],
  };
  const view: MenuItemConstructorOptions = {
    label: '&View',
    submenu: [
      { label: 'Command palette…', accelerator: 'CmdOrCtrl+K', click: () => actions.command({ command: 'palette' }) },
      separator,
      ...SCREENS.map(({ id, title }, i) => go(title, id, `CmdOrCtrl+${i + 1}`)),
      separator,
      { role: 'resetZoom' },
      { role: 'zoomIn' },
      { role: 'zoomOut' },
      { role: 'togglefullscreen' },
      separator,
      { role: 'reload' },
      { role: 'toggleDevTools' },
    ],
  };
  const help: MenuItemConstructorOptions = {
    role: 'help',
    label: '&Help',
    submenu: [
      { label: 'Keyboard shortcuts', click: () => actions.command({ command: 'shortcuts' }) },
      { label: 'The TRM reference and paper', click: () => void shell.openExternal(HELP_URL).catch(() => undefined) },
      separator,
      { label: 'Open the log folder', click: actions.showLogs },
      { label: 'Open the studio home', click: actions.showHome },
      ...(mac ? [] : [separator, about]),
    ],
  };
  return [...(mac ? [appMenu] : []), file, { role: 'editMenu' }, view, { role: 'windowMenu' }, help];
}
