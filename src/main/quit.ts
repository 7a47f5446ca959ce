import { type BrowserWindow, type MessageBoxOptions, app, dialog, powerMonitor } from 'electron';
import type { ActiveRun } from './activity';
import { say } from './fault';

export interface QuitOptions {
  /** Runs that train or wait to. */
  training(): ActiveRun[];
  window(): BrowserWindow | undefined;
  /** Saves what trains, marks it to go on at the next start, and closes the studio. Does not reject. */
  close(): Promise<void>;
}

/** Between the end of the compute processes and the app's own. */
const SETTLE_MS = 250;

const number = new Intl.NumberFormat('en-US');

/** The question, naming what trains. */
export function quitQuestion(training: readonly ActiveRun[]): MessageBoxOptions {
  const [first] = training;
  const at =
    first.status === 'queued'
      ? 'It is waiting to start.'
      : `It is at step ${number.format(first.step)} of ${number.format(first.total_steps)}.`;
  return {
    type: 'question',
    message:
      training.length === 1
        ? `“${first.name}” is training.`
        : `${training.length} runs are training, “${first.name}” first.`,
    detail: `${at} If you quit now, a checkpoint is saved, and training goes on from there when TRM Studio opens again.`,
    buttons: ['Save and quit', 'Keep training'],
    defaultId: 0,
    cancelId: 1,
    noLink: true,
  };
}

/**
 * Quitting in its three ways: a person quits (asks while something trains), the system ends the session or sends a
 * signal (saves without asking, as nobody may be there to answer), and the app quits once all is saved.
 */
export class Quit {
  private stage: 'open' | 'asking' | 'saving' | 'saved' = 'open';

  constructor(private readonly options: QuitOptions) {}

  /** From here on every way out leads through this object. */
  install(): void {
    app.on('before-quit', (event) => {
      if (this.stage === 'saved') return;
      event.preventDefault();
      this.ask().catch((error: unknown) => {
        this.stage = 'open';
        say('Quitting')(error);
      });
    });
    // Without this the terminal's Ctrl-C and a service manager's TERM would end the process in the middle of a step.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.leave());
    // The event's type came only later; preventDefault asks the system to wait.
    powerMonitor.on('shutdown', (event?: { preventDefault?: () => void }) => {
      event?.preventDefault?.();
      this.leave();
    });
  }

  private leave(): void {
    this.saveAndQuit().catch(say('Saving'));
  }

  /** Closing the window quits, except on macOS, where apps outlive their windows and training goes on. */
  guard(window: BrowserWindow): void {
    window.on('close', (event) => {
      if (this.stage === 'saved' || process.platform === 'darwin') return;
      event.preventDefault();
      app.quit();
    });
    // Windows sends no quit event when the session ends.
    window.on('session-end', () => this.leave());
  }

  private async ask(): Promise<void> {
    if (this.stage !== 'open') return;
    const training = this.options.training();
    if (training.length > 0) {
      this.stage = 'asking';
      const window = this.options.window();
      const question = quitQuestion(training);
      const { response } = window
        ? await dialog.showMessageBox(window, question)
        : await dialog.showMessageBox(question);
      // A signal may have begun to save while the question stood.
      if (this.stage !== 'asking') return;
      this.stage = 'open';
      if (response !== 0) return;
    }
    await this.saveAndQuit();
  }

  async saveAndQuit(): Promise<void> {
    if (this.stage === 'saving' || this.stage === 'saved') return;
    this.stage = 'saving';
    const window = this.options.window();
    if (window && this.options.training().length > 0) {
      window.setTitle('Saving… · TRM Studio');
      window.setProgressBar(2);
    }
    await this.options.close();
    // A compute process that has just ended is still being taken down inside Electron: quitting in the very same turn has
    // once ended by a signal, after all was saved, and 50 ms later once more (of some hundred times).
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    this.stage = 'saved';
    app.quit();
  }
}
