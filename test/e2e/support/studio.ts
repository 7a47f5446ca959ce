/** A studio under test: the same window, over Electron's bridge or over the local server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { ElectronStudio } from './electron';
import { WebStudio } from './web';

export const ROOT = resolve(__dirname, '../../..');

export interface Studio {
  readonly kind: 'chromium' | 'electron';
  readonly home: string;
  /** The window; another one after `restart`. */
  readonly page: Page;
  /** Closes as a person would, and opens anew on the same home. */
  restart(): Promise<void>;
  close(): Promise<void>;
  /** What the next file dialog of the import answers with. */
  answerFileDialog(paths: string[]): Promise<void>;
  /** Pids of compute processes that train or build for this studio. */
  computePids(): Promise<number[]>;
}

/** Opens a studio of the project's kind on a home of its own, which `close` removes. */
export async function openStudio(kind: string): Promise<Studio> {
  const home = mkdtempSync(join(tmpdir(), `trm-e2e-${kind}-`));
  const studio = kind === 'electron' ? new ElectronStudio(home) : new WebStudio(home);
  await studio.open();
  return studio;
}

export function removeHome(home: string): void {
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}
