/** The contract over WebSocket, in the frames of shared/rpc.ts. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { toWireError } from '../shared/errors';
import type { AnswerFrame } from '../shared/rpc';
import { CLOSE_UNAUTHORISED } from '../shared/rpc';
import { decodeWire, encodeWire } from '../shared/wire';
import type { Studio } from '../studio/studio';

/** Large enough for an import that is sent by content in pieces; one message is decoded in memory. */
const MAX_MESSAGE = 64 * 1024 * 1024;
/** A client that does not read has its connection closed: it asks again when it comes back. */
const MAX_BUFFERED = 64 * 1024 * 1024;
/** Windows at once. */
const MAX_CLIENTS = 64;
/** Calls of one client under way: nothing more is read from it until one of them is answered. */
const MAX_CALLS = 64;
const PING_MS = 30_000;
/** For a client to answer that the studio is closing. */
const GOODBYE_MS = 1000;
/** RFC 6455: a message that the endpoint cannot accept. */
const CLOSE_BAD_FRAME = 1003;
/** RFC 6455: try again later. */
const CLOSE_BUSY = 1013;

export class Sockets {
  private readonly server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false });
  private readonly refusals = new WebSocketServer({ noServer: true, maxPayload: 1024, clientTracking: false });
  private readonly alive = new WeakSet<WebSocket>();
  private readonly calls = new WeakMap<WebSocket, { running: number; waiting: Buffer[] }>();
  private readonly ping: NodeJS.Timeout;
  private readonly unsubscribe: () => void;

  constructor(private readonly studio: Studio) {
    this.unsubscribe = studio.events.onAny((event, payload) => {
      if (!this.server.clients.size) return;
      const message = encodeWire({ event, payload });
      for (const client of this.server.clients) this.send(client, message);
    });
    // Finds connections whose other end vanished without a word (a laptop that sleeps).
    this.ping = setInterval(() => {
      for (const client of this.server.clients) {
        // Of one that is not read from, no sign of life can come.
        if (!this.alive.has(client) && !client.isPaused) client.terminate();
        this.alive.delete(client);
        client.ping();
      }
    }, PING_MS);
    this.ping.unref();
  }

  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.server.clients.size >= MAX_CLIENTS) {
      return this.refuse(request, socket, head, CLOSE_BUSY, `${MAX_CLIENTS} windows are open already`);
    }
    this.server.handleUpgrade(request, socket, head, (client) => {
      this.alive.add(client);
      client.on('pong', () => this.alive.add(client));
      client.on('error', (error) => this.studio.log.warn(`a browser's connection: ${error.message}`));
      this.calls.set(client, { running: 0, waiting: [] });
      client.on('message', (data, binary) => {
        this.alive.add(client);
        if (binary) this.take(client, data as Buffer);
        else client.close(CLOSE_BAD_FRAME, 'not {id, method, input}');
      });
    });
  }

  /** Opens the connection only to close it with the code that says why; nothing it says is read. */
  refuse(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    code = CLOSE_UNAUTHORISED,
    reason = 'unauthorised',
  ): void {
    this.refusals.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => undefined);
      client.close(code, reason);
      setTimeout(() => client.terminate(), 2000).unref();
    });
  }

  close(): void {
    clearInterval(this.ping);
    this.unsubscribe();
    for (const client of this.server.clients) {
      client.close(1001, 'TRM Studio is closing');
      // One that sleeps never says goodbye, and ws would wait half a minute for it; the HTTP server has forgotten it.
      setTimeout(() => client.terminate(), GOODBYE_MS).unref();
    }
    this.server.close();
  }

  /** Starts a call, or keeps it for later: of what is read from the connection at once, some messages may be too many. */
  private take(client: WebSocket, message: Buffer): void {
    const calls = this.calls.get(client);
    if (!calls || client.readyState !== client.OPEN) return;
    if (calls.running >= MAX_CALLS) {
      calls.waiting.push(message);
      client.pause();
      return;
    }
    calls.running++;
    this.receive(client, message)
      .catch((error: unknown) => {
        this.studio.log.error("answering a browser's message", error);
        client.terminate();
      })
      .finally(() => {
        calls.running--;
        const next = calls.waiting.shift();
        if (next) this.take(client, next);
        else if (client.isPaused) client.resume();
      });
  }

  private async receive(client: WebSocket, message: Buffer): Promise<void> {
    const request = parse(message);
    if (!request) {
      client.close(CLOSE_BAD_FRAME, 'not {id, method, input}');
      return;
    }
    const { id } = request;
    const answer = await this.studio.answer(request.method, request.input);
    const frame: AnswerFrame = 'error' in answer ? { id, error: answer.error } : { id, output: answer.result };
    this.send(client, this.encode(frame, request.method));
  }

  /** An answer that cannot be sent is a fault of ours; who asked must not wait for it for ever. */
  private encode(frame: AnswerFrame, method: unknown): Uint8Array {
    try {
      return encodeWire(frame);
    } catch (error) {
      return encodeWire({
        id: frame.id,
        error: toWireError(error, (e) => this.studio.log.error(`the answer to ${String(method)}`, e)),
      });
    }
  }

  private send(client: WebSocket, message: Uint8Array): void {
    if (client.readyState !== client.OPEN) return;
    if (client.bufferedAmount > MAX_BUFFERED) {
      client.terminate();
      return;
    }
    client.send(message);
  }
}

function parse(bytes: Buffer): { id: number; method: unknown; input: unknown } | null {
  try {
    const message = decodeWire(bytes) as { id?: unknown; method?: unknown; input?: unknown } | null;
    if (!message || typeof message !== 'object') return null;
    const { id, method, input } = message;
    return typeof id === 'number' ? { id, method, input } : null;
  } catch {
    return null;
  }
}
