/**
 * The frames of the WebSocket at `/ws`, each one binary message of `wire.ts`. The
 * address carries the token: `/ws?token=…`. A server that refuses the token closes with `CLOSE_UNAUTHORISED`.
 */
import type { EventName, Events, MethodName } from './contract';
import type { WireError } from './errors';

export interface CallFrame {
  /** Chosen by the client, unique in the connection; the answer carries it back. */
  id: number;
  method: MethodName;
  input: unknown;
}

export type AnswerFrame = { id: number; output: unknown } | { id: number; error: WireError };

export type EventFrame = { [E in EventName]: { event: E; payload: Events[E] } }[EventName];

export type ServerFrame = AnswerFrame | EventFrame;

/** WebSocket close codes of our own (4000–4999). */
export const CLOSE_UNAUTHORISED = 4401;
