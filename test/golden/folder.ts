/** The reference's traces: in full from ../shared/golden where present, else the lean copies, unpacked once per process. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpack } from './pack.mjs';

const SHARED = join(__dirname, '../../../shared/golden/model');
let lean: string | null = null;

/** A folder with all seven lean copies, gone when the process ends. */
export function leanFolder(): string {
  if (!lean) {
    const folder = mkdtempSync(join(tmpdir(), 'trm-golden-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    unpack(folder);
    lean = folder;
  }
  return lean;
}

export const goldenFolder = (name: string): string => join(existsSync(SHARED) ? SHARED : leanFolder(), name);
