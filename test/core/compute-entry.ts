/** Builds the compute process as the app does (CommonJS for Node 20, dependencies outside), for tests that fork it. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'vite';
import type { FromCompute, ToCompute } from '../../src/shared/compute';

const root = join(__dirname, '../..');
const outDir = join(root, 'test/artifacts/compute');
let built: Promise<string> | null = null;

export function computeEntry(): Promise<string> {
  built ??= build({
    root,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: ['zod'] },
    build: {
      ssr: join(root, 'src/compute/index.ts'),
      outDir,
      emptyOutDir: true,
      target: 'node20',
      minify: false,
      rollupOptions: { output: { format: 'cjs', entryFileNames: 'compute.cjs', chunkFileNames: '[name]-[hash].cjs' } },
    },
  }).then(() => join(outDir, 'compute.cjs'));
  return built;
}

type Told<T extends FromCompute['type']> = Extract<FromCompute, { type: T }>;

/** A forked compute process and everything that it has said. */
export class ComputeClient {
  readonly said: FromCompute[] = [];
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  private readonly listeners = new Set<(message: FromCompute) => void>();
  stderr = '';

  private constructor(readonly child: ChildProcess) {
    child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)));
    child.on('message', (message: FromCompute) => {
      this.said.push(message);
      for (const listener of [...this.listeners]) listener(message);
    });
    this.exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
  }

  static async start(env: Record<string, string> = {}): Promise<ComputeClient> {
    const child = fork(await computeEntry(), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
      env: { ...process.env, ...env },
    });
    return new ComputeClient(child);
  }

  post(message: ToCompute): void {
    this.child.send(message);
  }

  /** The first message that fits, said already or to come; rejects if the process ends or a job fails before it. */
  async until<T extends FromCompute['type']>(type: T, fits: (m: Told<T>) => boolean = () => true): Promise<Told<T>> {
    const isIt = (m: FromCompute): m is Told<T> => m.type === type && fits(m as Told<T>);
    const past = this.said.find(isIt);
    if (past) return past;
    return new Promise((resolve, reject) => {
      const listener = (message: FromCompute) => {
        if (isIt(message)) resolve(message);
        else if (message.type === 'failed')
          reject(new Error(`${message.job} failed: ${message.error.message}\n${this.stderr}`));
        else return;
        this.listeners.delete(listener);
      };
      this.listeners.add(listener);
      void this.exited.then((exit) =>
        reject(new Error(`the process ended before "${type}": ${JSON.stringify(exit)}\n${this.stderr}`)),
      );
    });
  }

  all<T extends FromCompute['type']>(type: T): Told<T>[] {
    return this.said.filter((m): m is Told<T> => m.type === type);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
