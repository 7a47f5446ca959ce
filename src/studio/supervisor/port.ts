/** The seam between the studio and whatever starts a compute process: Electron's utilityProcess or Node's fork. */
import type { FromCompute, ToCompute } from '../../shared/compute';

/** `tensor` trains and traces; `build` makes datasets and loads no TensorFlow. */
export type ComputeRole = 'tensor' | 'build';

export interface ComputeExit {
  code: number | null;
  signal: string | null;
}

export interface ComputePort {
  readonly pid: number | undefined;
  /** Never throws: a message to a process that has ended is dropped, and its exit is told. */
  post(message: ToCompute): void;
  onMessage(listener: (message: FromCompute) => void): void;
  /** Told once, also when the process could not be started at all. */
  onExit(listener: (exit: ComputeExit) => void): void;
  /** Ends the process at once, whatever it is doing. */
  kill(): void;
}

/** Starts a compute process with these variables added to the environment. */
export type ComputeFactory = (role: ComputeRole, env: Record<string, string>) => ComputePort;
