import type { EventName, Events, Input, MethodName, Output, StudioClient } from '@shared/contract';
import { StudioError, fromWireError } from '@shared/errors';
import { CLOSE_UNAUTHORISED, type CallFrame, type ServerFrame } from '@shared/rpc';
import { decodeWire, encodeWire } from '@shared/wire';

interface Waiting {
  message: Uint8Array<ArrayBuffer>;
  sent: boolean;
  resolve(output: unknown): void;
  reject(error: StudioError): void;
}

type Listener = (payload: never) => void;

const RETRY_MS = [250, 500, 1000, 2000, 4000];

export interface SocketOptions {
  /** Injected by tests. */
  connect?: (address: string) => WebSocket;
  retryMs?: readonly number[];
}

/**
 * The contract over a WebSocket. While the connection is down, new calls wait for it; calls already sent are refused
 * with `unavailable`, because whether the studio acted on them cannot be known.
 */
export function createSocketClient(address: string, options: SocketOptions = {}): StudioClient {
  const connect = options.connect ?? ((to) => new WebSocket(to));
  const retry = options.retryMs ?? RETRY_MS;
  const listeners = new Map<EventName, Set<Listener>>();
  const watchers = new Set<(up: boolean) => void>();
  const waiting = new Map<number, Waiting>();
  let socket: WebSocket | null = null;
  let up = false;
  let refused = false;
  let nextId = 1;
  let failures = 0;

  const setUp = (value: boolean): void => {
    if (up === value) return;
    up = value;
    for (const watch of watchers) watch(up);
  };

  const send = (call: Waiting): void => {
    call.sent = true;
    socket?.send(call.message);
  };

  const open = (): void => {
    const mine = connect(address);
    socket = mine;
    mine.binaryType = 'arraybuffer';
    mine.onopen = () => {
      failures = 0;
      setUp(true);
      for (const call of waiting.values()) if (!call.sent) send(call);
    };
    mine.onmessage = (message: MessageEvent) => receive(decodeWire(message.data as ArrayBuffer) as ServerFrame);
    // A close follows every error and is what counts.
    mine.onerror = () => undefined;
    mine.onclose = (event: CloseEvent) => {
      if (socket !== mine) return;
      socket = null;
      refused = event.code === CLOSE_UNAUTHORISED;
      // Watchers hear of it even if it never was up: a first connection that fails must not look like loading.
      up = true;
      setUp(false);
      for (const [id, call] of waiting) {
        if (!call.sent && !refused) continue;
        waiting.delete(id);
        call.reject(refused ? unauthorised() : lost());
      }
      if (!refused) setTimeout(open, retry[Math.min(failures++, retry.length - 1)]);
    };
  };

  const receive = (frame: ServerFrame): void => {
    if ('event' in frame) {
      for (const listener of listeners.get(frame.event) ?? []) (listener as (payload: unknown) => void)(frame.payload);
      return;
    }
    const call = waiting.get(frame.id);
    if (!call) return;
    waiting.delete(frame.id);
    if ('error' in frame) call.reject(fromWireError(frame.error));
    else call.resolve(frame.output);
  };

  open();

  return {
    transport: 'web',
    call<M extends MethodName>(method: M, input: Input<M>): Promise<Output<M>> {
      if (refused) return Promise.reject(unauthorised());
      return new Promise((resolve, reject) => {
        const frame: CallFrame = { id: nextId++, method, input };
        // Encoded now: input that cannot be sent rejects this call alone, and what is changed later is not sent.
        const message = encodeWire(frame);
        const call: Waiting = { message, sent: false, resolve: resolve as (output: unknown) => void, reject };
        waiting.set(frame.id, call);
        if (up) send(call);
      });
    },
    on<E extends EventName>(name: E, listener: (payload: Events[E]) => void): () => void {
      const set = listeners.get(name) ?? new Set<Listener>();
      listeners.set(name, set);
      set.add(listener as Listener);
      return () => set.delete(listener as Listener);
    },
    pathOf: () => null,
    onConnection(listener) {
      watchers.add(listener);
      listener(up);
      return () => watchers.delete(listener);
    },
  };
}

const lost = (): StudioError =>
  new StudioError(
    'unavailable',
    'The connection to TRM Studio was lost before it answered: check that it still runs, then try again.',
  );

const unauthorised = (): StudioError =>
  new StudioError(
    'unauthorised',
    'This address has no valid token: open the address that TRM Studio printed when it started.',
  );
