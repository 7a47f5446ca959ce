/** Electron's two channels: calls of the contract and their answers, and the studio's events. */
import type { WireError } from './errors';

export const CALL = 'studio:call';
export const EVENT = 'studio:event';

/** Errors cross as values: Electron wraps a thrown one into its own sentence and drops everything but the message. */
export type IpcAnswer = { result: unknown } | { error: WireError };
