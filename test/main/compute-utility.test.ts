/** What the main process makes of a compute process that Electron tells of; Electron itself is not there. */
import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { utilityCompute } from '../../src/main/compute-utility';
import { silentLog } from '../../src/studio/log';
import type { ComputeExit } from '../../src/studio/supervisor/port';

const child = Object.assign(new EventEmitter(), { pid: 7, stdout: null, stderr: null });
vi.mock('electron', () => ({ utilityProcess: { fork: () => child } }));

it('a fatal fault of the compute process is logged, and only its exit is passed on', async () => {
  const errors: string[] = [];
  const log = { ...silentLog, error: (what: string, error?: unknown) => errors.push(`${what}: ${String(error)}`) };
  const port = utilityCompute('compute.js', log)('tensor', {});
  const exit = new Promise<ComputeExit>((resolve) => port.onExit(resolve));
  // As Electron emits it when V8 gives up; thrown if nobody listens.
  child.emit('error', 'FatalError', 'v8::Heap: out of memory', '{}');
  child.emit('exit', 134);
  expect(errors).toEqual(['tensor 7 ended: FatalError at v8::Heap: out of memory']);
  expect(await exit).toEqual({ code: null, signal: 'SIGABRT' });
});
