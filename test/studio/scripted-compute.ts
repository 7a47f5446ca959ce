/**
 * A compute process that does what a test tells it to, for what cannot be timed with a real one: the moment of a crash,
 * a process that never stops.
 */
import type { ComputeJob, FromCompute, ToCompute } from '../../src/shared/compute';
import type { ComputeExit, ComputeFactory, ComputePort, ComputeRole } from '../../src/studio/supervisor/port';

export class ScriptedPort implements ComputePort {
  readonly pid = undefined;
  readonly posted: ToCompute[] = [];
  killed = false;
  private listener: (message: FromCompute) => void = () => undefined;
  private exitListener: (exit: ComputeExit) => void = () => undefined;

  constructor(
    readonly role: ComputeRole,
    readonly env: Record<string, string>,
    private readonly onPost: (port: ScriptedPort, message: ToCompute) => void,
  ) {}

  post(message: ToCompute): void {
    this.posted.push(message);
    // Later, as over a real channel.
    setImmediate(() => this.onPost(this, message));
  }

  onMessage(listener: (message: FromCompute) => void): void {
    this.listener = listener;
  }

  onExit(listener: (exit: ComputeExit) => void): void {
    this.exitListener = listener;
  }

  kill(): void {
    this.killed = true;
    setImmediate(() => this.exit({ code: null, signal: 'SIGKILL' }));
  }

  say(message: FromCompute): void {
    this.listener(message);
  }

  exit(exit: ComputeExit = { code: 0, signal: null }): void {
    this.exitListener(exit);
  }

  /** The newest job of a kind that was posted. */
  job<T extends ComputeJob['type']>(type: T): Extract<ComputeJob, { type: T }> {
    const jobs = this.posted.filter((m): m is Extract<ComputeJob, { type: T }> => m.type === type);
    if (!jobs.length) throw new Error(`no ${type} job was posted`);
    return jobs[jobs.length - 1];
  }
}

export class ScriptedCompute {
  readonly ports: ScriptedPort[] = [];
  /** What a process answers; by default it ends when it is asked to, and nothing else. */
  onPost: (port: ScriptedPort, message: ToCompute) => void = (port, message) => {
    if (message.type === 'exit') port.exit();
  };

  /** Thrown instead of starting a process, as `fork` throws where memory is short. */
  refusal: Error | null = null;

  readonly factory: ComputeFactory = (role, env) => {
    if (this.refusal) throw this.refusal;
    const port = new ScriptedPort(role, env, (p, message) => this.onPost(p, message));
    this.ports.push(port);
    return port;
  };

  /** The newest process of a role. */
  latest(role: ComputeRole): ScriptedPort {
    const ports = this.ports.filter((p) => p.role === role);
    if (!ports.length) throw new Error(`no ${role} process was started`);
    return ports[ports.length - 1];
  }
}

/** Waits until `look` gives something that is not undefined, false or null. */
export async function eventually<T>(look: () => T | undefined | false | null, what = 'the condition'): Promise<T> {
  const until = Date.now() + 20_000;
  for (;;) {
    const value = look();
    if (value !== undefined && value !== false && value !== null) return value;
    if (Date.now() > until) throw new Error(`${what} did not come true`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
