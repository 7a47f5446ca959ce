import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, type Page, chromium } from '@playwright/test';
import { childrenOf, commandOf } from './processes';
import type { Studio } from './studio';

const ROOT = resolve(__dirname, '../../..');
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export class WebStudio implements Studio {
  readonly kind = 'chromium';
  page!: Page;
  server!: ChildProcess;
  address!: string;
  private browser: Browser | undefined;
  private dialogPaths: string[] = [];

  constructor(readonly home: string) {}

  async open(): Promise<void> {
    await this.serve(0);
    this.browser ??= await chromium.launch({
      executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium',
      args: ARGS,
    });
    const context = await this.browser.newContext({ viewport: { width: 1360, height: 860 } });
    this.page = await context.newPage();
    // The page asks for files by an input of its own.
    this.page.on('filechooser', (chooser) => void chooser.setFiles(this.dialogPaths));
    await this.page.goto(this.address);
    await this.page.getByRole('navigation', { name: 'Screens' }).waitFor();
  }

  /** Starts the server; its first line of output is the address. */
  async serve(port: number): Promise<void> {
    const args = [join(ROOT, 'out/main/server.js'), '--port', String(port), '--home', this.home];
    this.server = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    const errors: string[] = [];
    this.server.stderr?.on('data', (chunk) => errors.push(String(chunk)));
    this.address = await new Promise<string>((done, fail) => {
      if (this.server.stdout) createInterface({ input: this.server.stdout }).once('line', done);
      this.server.once('exit', (code) => fail(new Error(`the server ended with ${code}: ${errors.join('')}`)));
    });
  }

  get port(): number {
    return Number(new URL(this.address).port);
  }

  async exited(): Promise<number | null> {
    if (this.server.exitCode !== null || this.server.signalCode !== null) return this.server.exitCode;
    return new Promise((done) => this.server.once('exit', (code) => done(code)));
  }

  async answerFileDialog(paths: string[]): Promise<void> {
    this.dialogPaths = paths;
  }

  async computePids(): Promise<number[]> {
    return childrenOf(this.server.pid).filter((pid) => commandOf(pid).includes('compute.js'));
  }

  async restart(): Promise<void> {
    await this.page.context().close();
    const gone = this.exited();
    this.server.kill('SIGTERM');
    await gone;
    await this.open();
  }

  async close(): Promise<void> {
    await this.browser?.close();
    const gone = this.exited();
    // Whatever still trains is not worth saving now.
    for (const pid of [...childrenOf(this.server.pid), this.server.pid]) {
      try {
        if (pid) process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    await gone;
  }
}
