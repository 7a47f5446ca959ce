/** The two compute processes, and what may be said about them. */
import type { ComputeState } from '../../shared/contract/app';
import type { BackendInfo } from '../../shared/doctor';
import type { StudioEvents } from '../emitter';
import { newId } from '../ids';
import type { Log } from '../log';
import { residentBytes } from '../owner';
import type { ComputeFactory, ComputeRole } from './port';
import { ComputeProcess } from './process';

const STATE_EVERY_MS = 2000;
/** TensorFlow takes a processor for a second or two to load: the window's own start comes first. */
const LOOK_AFTER_MS = 1500;

export class Supervisor {
  readonly tensor: ComputeProcess;
  readonly build: ComputeProcess;
  private backend: BackendInfo | null = null;
  private backendError: string | null = null;
  private told = -Infinity;
  private looked = false;
  /** The run that is being trained here; kept by the runs. */
  running: string | null = null;

  constructor(
    factory: ComputeFactory,
    private readonly log: Log,
    private readonly events: StudioEvents,
    options: { idleMs?: number; env?: (role: ComputeRole) => Record<string, string> } = {},
  ) {
    const onChange = () => this.tell();
    this.build = new ComputeProcess('build', { factory, log, onChange, ...options });
    this.tensor = new ComputeProcess('tensor', {
      factory,
      log,
      onChange,
      ...options,
      onMessage: (message) => {
        if (message.type === 'backend') this.setBackend(message.backend);
        else if (message.type === 'started') this.setBackend(message.started.backend);
        else if (message.type === 'metrics' && performance.now() - this.told > STATE_EVERY_MS) this.tell();
      },
    });
  }

  state(): ComputeState {
    return { backend: this.backend, error: this.backendError, memory_bytes: this.memory(), running: this.running };
  }

  /** A window is open and wants to say what it will train on: looked for once, when its start is over. */
  lookSoon(): void {
    if (this.looked || this.backend || this.backendError !== null) return;
    this.looked = true;
    setTimeout(() => {
      this.probe().catch((error: unknown) => this.log.error('looking for the backend', error));
    }, LOOK_AFTER_MS).unref();
  }

  /** Resident memory of both processes in bytes; null where the platform does not tell or none runs. */
  memory(): number | null {
    let sum: number | null = null;
    for (const { pid } of [this.tensor, this.build]) {
      const bytes = pid === undefined ? null : residentBytes(pid);
      if (bytes !== null) sum = (sum ?? 0) + bytes;
    }
    return sum;
  }

  tell(): void {
    this.told = performance.now();
    this.events.emit('compute.changed', this.state());
  }

  /** Loads the backend, if it is not loaded, and says what it is. Never rejects: what went wrong is in `error`. */
  async probe(): Promise<{ backend: BackendInfo | null; error: string | null }> {
    const job = newId();
    const result = await new Promise<{ backend: BackendInfo | null; error: string | null }>((resolve) => {
      this.tensor.run(
        { type: 'probe', job },
        {
          onMessage: (m) => {
            if (m.type === 'backend') resolve({ backend: m.backend, error: null });
            else if (m.type === 'failed') resolve({ backend: null, error: m.error.message });
          },
          onLost: (sentence) => resolve({ backend: null, error: sentence }),
        },
      );
    });
    if (result.error !== null && this.backend === null) {
      this.backendError = result.error;
      this.tell();
    }
    return result;
  }

  /** New settings: they hold from the next start of a process on; one without work is started anew at once. */
  refresh(): void {
    this.tensor.refresh();
  }

  async close(deadlineMs: number): Promise<void> {
    await Promise.all([this.tensor.close(deadlineMs), this.build.close(Math.min(deadlineMs, 3000))]);
  }

  private setBackend(backend: BackendInfo): void {
    this.backend = backend;
    this.backendError = null;
    this.tell();
  }
}
