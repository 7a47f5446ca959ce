/** The contract over WebSocket, in the frames of shared/rpc.ts. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { AnswerFrame } from '../shared/rpc';
import { CLOSE_UNAUTHORISED } from '../shared/rpc';
import { decodeWire, encodeWire } from '../shared/wire';
import type { Studio } from '../studio/studio';

/** Large enough for an import that is sent by content in pieces; one message is decoded in memory. */
const MAX_MESSAGE = 64 * 1024 * 1024;
/** A client that does not read gets events dropped and then the connection closed: it asks anew when it comes back. */
const MAX_BUFFERED = 64 * 1024 * 1024;
const PING_MS = 30_000;
/** RFC 6455: a message that the endpoint cannot accept. */
const CLOSE_BAD_FRAME = 1003;

export class Sockets {
  private readonly server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false });
  private readonly refusals = new WebSocketServer({ noServer: true, maxPayload: 1024, clientTracking: false });
  private readonly alive = new WeakSet<WebSocket>();
  private readonly ping: NodeJS.Timeout;
  private readonly unsubscribe: () => void;

  constructor(private readonly studio: Studio) {
    this.unsubscribe = studio.events.onAny((event, payload) => {
      if (!this.server.clients.size) return;
      const text = encodeWire({ event, payload });
      for (const client of this.server.clients) this.send(client, text);
    });
    // Finds connections whose other end vanished without a word (a laptop that sleeps).
    this.ping = setInterval(() => {
      for (const client of this.server.clients) {
        if (!this.alive.has(client)) client.terminate();
        this.alive.delete(client);
        client.ping();
      }
    }, PING_MS);
    this.ping.unref();
  }

  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.server.handleUpgrade(request, socket, head, (client) => {
      this.alive.add(client);
      client.on('pong', () => this.alive.add(client));
      client.on('error', (error) => this.studio.log.warn(`a browser's connection: ${error.message}`));
      client.on('message', (data, binary) => {
        this.alive.add(client);
        void this.receive(client, binary ? null : (data as Buffer).toString('utf8'));
      });
    });
  }

  /** Opens the connection only to close it with the code that says why; nothing it says is read. */
  refuse(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.refusals.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => undefined);
      client.close(CLOSE_UNAUTHORISED, 'unauthorised');
      setTimeout(() => client.terminate(), 2000).unref();
    });
  }

  close(): void {
    clearInterval(this.ping);
    this.unsubscribe();
    for (const client of this.server.clients) client.close(1001, 'TRM Studio is closing');
    this.server.close();
  }

  private async receive(client: WebSocket, text: string | null): Promise<void> {
    const request = text === null ? null : parse(text);
    if (!request) {
      client.close(CLOSE_BAD_FRAME, 'not {id, method, input}');
      return;
    }
    const answer = await this.studio.answer(request.method, request.input);
    const { id } = request;
    const frame: AnswerFrame = 'error' in answer ? { id, error: answer.error } : { id, output: answer.result };
    this.send(client, encodeWire(frame));
  }

  private send(client: WebSocket, text: string): void {
    if (client.readyState !== client.OPEN) return;
    if (client.bufferedAmount > MAX_BUFFERED) {
      client.terminate();
      return;
    }
    client.send(text);
  }
}

function parse(text: string): { id: number; method: unknown; input: unknown } | null {
  try {
    const message = decodeWire(text) as { id?: unknown; method?: unknown; input?: unknown } | null;
    if (!message || typeof message !== 'object') return null;
    const { id, method, input } = message;
    return typeof id === 'number' ? { id, method, input } : null;
  } catch {
    return null;
  }
}
