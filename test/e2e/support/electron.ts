import { resolve } from 'node:path';
import { type ElectronApplication, type Page, _electron } from '@playwright/test';
import { childrenOf } from './processes';
import type { Studio } from './studio';

const ROOT = resolve(__dirname, '../../..');

export class ElectronStudio implements Studio {
  readonly kind = 'electron';
  app!: ElectronApplication;
  page!: Page;

  constructor(readonly home: string) {}

  async open(): Promise<void> {
    // The electron package finds the binary (its own, or that of ELECTRON_OVERRIDE_DIST_PATH). Given a path instead,
    // Playwright would leave out what makes the app wait for it, and now and then miss the first window.
    this.app = await _electron.launch({
      // Debian's test machines run as root, for whom Chromium has no sandbox.
      args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '.'],
      cwd: ROOT,
      env: { ...process.env, TRM_HOME: this.home } as Record<string, string>,
    });
    this.page = await this.app.firstWindow();
    await this.page.getByRole('navigation', { name: 'Screens' }).waitFor();
    await this.stubOutside();
  }

  /** No test may open a real browser, or wait for a dialog that nobody answers; each stub notes what it was asked. */
  private async stubOutside(): Promise<void> {
    await this.app.evaluate(({ shell, dialog }) => {
      const seen = { links: [] as string[], questions: [] as unknown[], response: 0 };
      (globalThis as Record<string, unknown>).e2e = seen;
      shell.openExternal = async (url) => void seen.links.push(url);
      dialog.showMessageBox = (async (...args: unknown[]) => {
        seen.questions.push(args[args.length - 1]);
        return { response: seen.response, checkboxChecked: false };
      }) as typeof dialog.showMessageBox;
    });
  }

  /** Links handed to the system, and message boxes shown, since the start. */
  async seen(): Promise<{ links: string[]; questions: { message: string; detail: string; buttons: string[] }[] }> {
    return this.app.evaluate(() => (globalThis as Record<string, unknown>).e2e as never);
  }

  /** Which button of the next message boxes is pressed. */
  async pressButton(index: number): Promise<void> {
    await this.app.evaluate((_electron, at) => {
      (globalThis as unknown as { e2e: { response: number } }).e2e.response = at;
    }, index);
  }

  async answerFileDialog(paths: string[]): Promise<void> {
    await this.app.evaluate(({ dialog }, filePaths) => {
      dialog.showOpenDialog = (async () => ({ canceled: filePaths.length === 0, filePaths })) as never;
    }, paths);
  }

  async computePids(): Promise<number[]> {
    return this.app.evaluate(({ app }) =>
      app
        .getAppMetrics()
        .filter((metric) => metric.name?.startsWith('TRM Studio'))
        .map((metric) => metric.pid),
    );
  }

  /** Waits for the process itself: the next one needs its single-instance lock. @returns its exit code, or the signal */
  async exited(): Promise<number | NodeJS.Signals | null> {
    const child = this.app.process();
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
    return new Promise((done) => child.once('exit', (code, signal) => done(code ?? signal)));
  }

  async restart(): Promise<void> {
    const gone = this.exited();
    await this.app.evaluate(({ app }) => app.quit()).catch(() => undefined);
    await gone;
    await this.open();
  }

  async close(): Promise<void> {
    const child = this.app.process();
    const gone = this.exited();
    // Whatever still trains is not worth saving now.
    for (const pid of [...childrenOf(child.pid), child.pid]) {
      try {
        if (pid) process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    await gone;
    await this.app.close().catch(() => undefined);
  }
}
