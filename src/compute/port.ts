/** The channel to the studio: Electron's utilityProcess port, or Node's fork channel. */
import type { FromCompute, ToCompute } from '../shared/compute';

export interface StudioPort {
  post(message: FromCompute): void;
  onMessage(listener: (message: ToCompute) => void): void;
  /** The studio is gone: nothing that is said from now on is heard. */
  onClose(listener: () => void): void;
  /** Resolves when what was posted has left this process. */
  drained(): Promise<void>;
}

/** The part of Electron's `process.parentPort` that is used. */
interface ElectronPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { data: unknown }) => void): void;
  on(event: 'close', listener: () => void): void;
}

/** Electron hands messages to another thread without a word back; this is how long they get before the process ends. */
const ELECTRON_DRAIN_MS = 100;

export function openPort(): StudioPort {
  const electron = (process as unknown as { parentPort?: ElectronPort }).parentPort;
  return electron ? electronPort(electron) : forkPort();
}

function electronPort(port: ElectronPort): StudioPort {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => port.on('message', ({ data }) => listener(data as ToCompute)),
    onClose: (listener) => port.on('close', listener),
    drained: () => new Promise((resolve) => setTimeout(resolve, ELECTRON_DRAIN_MS)),
  };
}

function forkPort(): StudioPort {
  if (!process.send) throw new Error('the compute process must be started by the studio (fork or utilityProcess)');
  const pending = new Set<Promise<void>>();
  return {
    post: (message) => {
      if (!process.connected) return;
      const sent = new Promise<void>((resolve) => process.send?.(message, () => resolve()));
      pending.add(sent);
      const forget = () => pending.delete(sent);
      sent.then(forget, forget);
    },
    onMessage: (listener) => process.on('message', (message) => listener(message as ToCompute)),
    onClose: (listener) => process.on('disconnect', listener),
    drained: async () => {
      await Promise.all(pending);
    },
  };
}
