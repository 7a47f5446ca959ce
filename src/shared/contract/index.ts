/**
 * What the window may ask of the studio, and what the studio tells without being asked. One table, put together from one
 * file per feature: Electron's IPC and the WebSocket serve the same one. Inputs are parsed here; outputs are types.
 */
import type { z } from 'zod';
import { appMethods, type AppEvents } from './app';
import { configMethods } from './config';
import { exportMethods } from './exports';
import { taskMethods, type TaskEvents } from './tasks';
import { importMethods, type ImportEvents } from './imports';
import { datasetMethods, type DatasetEvents } from './datasets';
import { runMethods, type RunEvents } from './runs';
import { starterMethods } from './starters';
import { solveMethods, type SolveEvents } from './solves';
import { traceMethods, type TraceEvents } from './traces';
import { bundleMethods } from './bundles';
import { checkpointMethods, type CheckpointEvents } from './checkpoints';
import { evaluationMethods, type EvaluationEvents } from './evaluations';

export const METHODS = {
  ...appMethods,
  ...configMethods,
  ...bundleMethods,
  ...exportMethods,
  ...taskMethods,
  ...importMethods,
  ...datasetMethods,
  ...runMethods,
  ...traceMethods,
  ...solveMethods,
  ...starterMethods,
  ...evaluationMethods,
  ...checkpointMethods,
} as const;

export type Methods = typeof METHODS;
export type MethodName = keyof Methods;
/** What a caller passes. */
export type Input<M extends MethodName> = z.input<Methods[M]['input']>;
/** What a handler receives. */
export type Parsed<M extends MethodName> = z.output<Methods[M]['input']>;
// Not ReturnType: its `any` arguments do not fit the parameter `never`, and it would give `any`.
export type Output<M extends MethodName> = Methods[M]['output'] extends (value: never) => infer O ? O : never;

/** One handler per method: what the studio implements and every transport serves. */
export type Handlers = { [M in MethodName]: (input: Parsed<M>) => Promise<Output<M>> | Output<M> };

export interface Events
  extends
    AppEvents,
    TaskEvents,
    ImportEvents,
    DatasetEvents,
    RunEvents,
    TraceEvents,
    SolveEvents,
    EvaluationEvents,
    CheckpointEvents {}
export type EventName = keyof Events;

/** What the preload or the WebSocket client gives the renderer. */
export interface StudioClient {
  call<M extends MethodName>(name: M, input: Input<M>): Promise<Output<M>>;
  on<E extends EventName>(name: E, listener: (payload: Events[E]) => void): () => void;
  /** Absolute path of a dropped file where the window may know it (Electron), else null. */
  pathOf(file: File): string | null;
  readonly transport: 'electron' | 'web';
  /** Web: whether the connection stands; Electron: always true. */
  onConnection(listener: (up: boolean) => void): () => void;
}
