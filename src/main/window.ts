import { join } from 'node:path';
import { BrowserWindow, type Session, type WebContents, app, dialog, nativeTheme, session, shell } from 'electron';
import { MIN_HEIGHT, MIN_WIDTH } from './bounds';
import { say } from './fault';
import { INDEX, externalLink, isOwnPage } from './links';
import type { WindowMemory } from './window-state';

/** The page's own background of each theme (--bg in the renderer's theme.css), so that the first frame does not flash. */
const BACKGROUND = { light: '#f6f6f4', dark: '#121214' };
const background = () => (nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light);

/** Shown even if no first frame was reported, so that nobody waits for a window that never comes. */
const SHOW_AT_LATEST_MS = 5000;

/** Every permission is refused, except writing to the clipboard, which copy buttons use; Electron grants all by default. */
const ALLOWED = new Set(['clipboard-sanitized-write']);

/** Rules for every page that this session could ever show. Once, before the first window. */
export function restrictSession(target: Session = session.defaultSession): void {
  target.setPermissionRequestHandler((contents, permission, answer) =>
    answer(ALLOWED.has(permission) && isOwnPage(contents.getURL())),
  );
  target.setPermissionCheckHandler((_contents, permission, origin) => ALLOWED.has(permission) && isOwnPage(origin));
  target.setDevicePermissionHandler(() => false);
  target.setSpellCheckerEnabled(false);
  // The renderer downloads only what it makes itself (a chart as PNG, SVG or CSV): blob: and data: addresses.
  target.on('will-download', (event, item) => {
    if (!/^(blob|data):/.test(item.getURL())) event.preventDefault();
  });
}

/** Rules for every web contents, whoever makes it. Once, before the first window. */
export function restrictContents(): void {
  app.on('web-contents-created', (_event, contents) => {
    const refuse = (event: { preventDefault(): void }, url: string) => {
      if (!isOwnPage(url)) event.preventDefault();
    };
    contents.on('will-navigate', (event, url) => {
      refuse(event, url);
      openOutside(url);
    });
    contents.on('will-redirect', (event, url) => refuse(event, url));
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      openOutside(url);
      return { action: 'deny' };
    });
  });
}

function openOutside(url: string): void {
  const link = externalLink(url);
  // Rejected where the system has no browser: nothing that the app could do better than not to open it.
  if (link) shell.openExternal(link).catch(() => undefined);
}

/** The one window, not yet shown: it appears with its first frame. */
export function createWindow(memory: WindowMemory, title: string): BrowserWindow {
  const placement = memory.placement();
  const window = new BrowserWindow({
    ...placement.bounds,
    minWidth: MIN_WIDTH,
    minHeight: MIN_HEIGHT,
    show: false,
    title,
    backgroundColor: background(),
    fullscreen: placement.fullScreen,
    webPreferences: {
      preload: join(__dirname, '../preload/index.js'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
    },
  });
  const show = () => {
    clearTimeout(latest);
    if (window.isDestroyed() || window.isVisible()) return;
    if (placement.maximised) window.maximize();
    window.show();
  };
  const latest = setTimeout(show, SHOW_AT_LATEST_MS);
  window.once('ready-to-show', show);
  window.once('closed', () => clearTimeout(latest));
  memory.follow(window);

  const repaint = () => window.setBackgroundColor(background());
  nativeTheme.on('updated', repaint);
  window.once('closed', () => nativeTheme.off('updated', repaint));

  offerReload(window);
  // Also rejected where the window is closed or loads again meanwhile; what is not there leaves an empty page, and a log.
  window.loadURL(INDEX).catch((error: unknown) => {
    if (!window.isDestroyed()) process.stderr.write(`TRM Studio's page was not loaded: ${String(error)}\n`);
  });
  return window;
}

/** A renderer that crashed or hangs: say so, and offer what helps. Training runs in a process of its own and goes on. */
function offerReload(window: BrowserWindow): void {
  const { webContents } = window;
  let asking = false;
  const ask = async (message: string, detail: string, buttons: [string, string]): Promise<void> => {
    if (asking || window.isDestroyed()) return;
    asking = true;
    const question = { type: 'warning' as const, message, detail, buttons, defaultId: 0, cancelId: 1, noLink: true };
    const { response } = await dialog.showMessageBox(window, question).finally(() => (asking = false));
    if (response === 0 && !window.isDestroyed()) restart(webContents);
  };
  const offer = (...question: Parameters<typeof ask>) => {
    ask(...question).catch(say('The question cannot be asked'));
  };
  webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit') return;
    offer(
      `The window’s display process ended (${reason}).`,
      'Training and everything that was saved are not affected. Load the window again to go on.',
      ['Load again', 'Not now'],
    );
  });
  window.on('unresponsive', () => {
    offer('The window does not respond.', 'Training is not affected. Wait a little, or load the window again.', [
      'Load again',
      'Wait',
    ]);
  });
}

function restart(contents: WebContents): void {
  // A hung renderer would not answer a reload.
  if (!contents.isCrashed()) contents.forcefullyCrashRenderer();
  contents.reload();
}
