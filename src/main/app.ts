import { join } from 'node:path';
import { type BrowserWindow, app, dialog, nativeTheme, shell } from 'electron';
import type { AppCommand, Settings } from '../shared/contract/app';
import type { EventName, Events } from '../shared/contract';
import { StudioError, toWireError } from '../shared/errors';
import { type Studio, openStudio } from '../studio/studio';
import { type ActiveRun, progressOf, training } from './activity';
import { utilityCompute } from './compute-utility';
import { chooseCheckpoint, chooseImport, chooseSave } from './dialogs';
import { say } from './fault';
import { sendEvent, serveCalls } from './ipc';
import { installMenu } from './menu';
import { PowerGuard } from './power';
import { RENDERER_FOLDER, serveRenderer } from './protocol';
import { Quit } from './quit';
import { createWindow, restrictSession } from './window';
import { WindowMemory } from './window-state';

/** The running app: its window and its studio, and what joins the two. */
export class App {
  private window: BrowserWindow | undefined;
  private studio: Studio | undefined;
  private closed = false;
  private readonly memory: WindowMemory;
  private readonly power = new PowerGuard();
  private readonly quit = new Quit({
    training: () => training(this.activeRuns()),
    window: () => this.shown,
    close: () => this.closeStudio(),
  });

  constructor(
    private readonly root: string,
    userData: string,
  ) {
    this.memory = new WindowMemory(userData);
  }

  /** The window first: its process starts up while the studio opens here. Calls wait until both are there. */
  async start(): Promise<void> {
    nativeTheme.themeSource = this.memory.theme;
    restrictSession();
    serveRenderer(RENDERER_FOLDER);
    let opened!: (studio: Studio) => void;
    const studio = new Promise<Studio>((resolve) => (opened = resolve));
    serveCalls(
      async (method, input) => (await studio).answer(method, input),
      () => this.shown?.webContents,
    );
    installMenu({
      command: (command) => this.command(command),
      showLogs: () => openFolder(this.studio?.home.logs ?? this.root),
      showHome: () => openFolder(this.root),
      about: () => this.about(),
    });
    this.quit.install();
    app.on('window-all-closed', () => {
      if (process.platform !== 'darwin') app.quit();
    });
    this.openWindow();
    try {
      opened(await this.openStudio());
    } catch (error) {
      this.refuse(error);
    }
  }

  /** Brings the window to the front, making it anew on macOS, where it may have been closed. */
  focus(): void {
    if (!app.isReady()) return;
    if (!this.shown) this.openWindow();
    if (this.window?.isMinimized()) this.window.restore();
    this.window?.show();
    this.window?.focus();
  }

  /** The window; one that is being closed is none any more: asking it for anything would throw. */
  private get shown(): BrowserWindow | undefined {
    return this.window && !this.window.isDestroyed() ? this.window : undefined;
  }

  private openWindow(): void {
    const window = createWindow(this.memory, app.name);
    this.window = window;
    this.quit.guard(window);
    window.once('closed', () => {
      if (this.window === window) this.window = undefined;
    });
    window.once('show', () => this.showActivity());
  }

  private async openStudio(): Promise<Studio> {
    const studio = await openStudio({
      home: this.root,
      transport: 'electron',
      compute: (log) => utilityCompute(join(__dirname, 'compute.js'), log),
      resumeAtStart: true,
      chooseImport: ({ folders }) => chooseImport(this.shown, folders),
      chooseCheckpoint: ({ what }) => chooseCheckpoint(this.shown, what),
      chooseSave: ({ name }) => chooseSave(this.shown, name),
    });
    studio.events.onAny((name, payload) => this.heard(name, payload));
    this.studio = studio;
    this.showActivity();
    this.useTheme(await studio.dispatch('settings.get', {}));
    return studio;
  }

  private heard<E extends EventName>(name: E, payload: Events[E]): void {
    if (name === 'run.changed' || name === 'run.deleted') this.showActivity();
    if (name === 'settings.changed') this.useTheme(payload as Settings);
    sendEvent(this.shown?.webContents, name, payload);
  }

  private useTheme({ theme }: Settings): void {
    this.memory.theme = theme;
    if (nativeTheme.themeSource !== theme) nativeTheme.themeSource = theme;
  }

  /** Of this app; a run that the command line trains on the same home is its own affair. */
  private activeRuns(): ActiveRun[] {
    if (!this.studio || this.closed) return [];
    const { store, owner } = this.studio.context;
    return store.runs.active().filter((run) => run.owner === owner);
  }

  private showActivity(): void {
    const runs = this.activeRuns();
    this.power.hold(training(runs).length > 0);
    const { share, mode } = progressOf(runs);
    this.shown?.setProgressBar(share ?? -1, { mode });
  }

  private command(command: AppCommand): void {
    this.focus();
    sendEvent(this.shown?.webContents, 'app.command', command);
  }

  private about(): void {
    const options = {
      type: 'info' as const,
      title: `About ${app.name}`,
      message: `${app.name} ${app.getVersion()}`,
      detail: [
        'Train, watch, understand and use Tiny Recursive Models.',
        '',
        `Home: ${this.root}`,
        `Electron ${process.versions.electron}, Chromium ${process.versions.chrome}, Node ${process.versions.node}`,
        'MIT licence. Third-party licences are in THIRD_PARTY_NOTICES.',
      ].join('\n'),
      buttons: ['Close'],
      noLink: true,
    };
    const shown = this.shown ? dialog.showMessageBox(this.shown, options) : dialog.showMessageBox(options);
    shown.catch(say('About'));
  }

  private async closeStudio(): Promise<void> {
    try {
      await this.studio?.close();
    } catch (error) {
      this.studio?.log.error('closing the studio failed', error);
    }
    this.closed = true;
  }

  /** The home cannot be opened: one sentence, on the screen and in the terminal; nothing is left half open. */
  refuse(error: unknown): void {
    const { message } = toWireError(error);
    const detail = error instanceof StudioError || !(error instanceof Error) ? message : `${message}\n${error.message}`;
    process.stderr.write(`TRM Studio cannot start: ${detail}\n`);
    this.window?.destroy();
    dialog.showErrorBox('TRM Studio cannot start', detail);
    app.exit(1);
  }
}

function openFolder(path: string): void {
  shell.openPath(path).catch(say(`${path} cannot be opened`));
}
