/** A folder of its own for a series: the studio home, what jobs write beside it, and a place for temporary files. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNode } from '../../lib/node.mjs';
import { pathsFor, ROOT } from '../../lib/paths.mjs';
import { startCli } from './fronts.mjs';

/** A model that makes a step in milliseconds, on 64 boards of 4 × 4. */
export const TINY = [
  'arch.hidden_size=32',
  'arch.num_heads=2',
  'arch.H_cycles=1',
  'arch.L_cycles=1',
  'arch.L_layers=1',
  'arch.halt_max_steps=3',
  'arch.puzzle_emb_ndim=32',
  'global_batch_size=16',
  'epochs=2000',
  'eval_interval=10',
  'lr_warmup_steps=10',
];

export class Bench {
  /** @param {{ entries?: string, under?: string }} [options] under: the folder in which this one is made */
  constructor({ entries = join(ROOT, 'out', 'main'), under = tmpdir() } = {}) {
    this.root = mkdtempSync(join(under, 'trm-reliability-'));
    this.entries = entries;
    this.home = join(this.root, 'home');
    /** What jobs write outside the home: exports, answers. */
    this.out = join(this.root, 'out');
    this.temporary = join(this.root, 'tmp');
    this.node = findNode(pathsFor().modules).path;
    for (const folder of [this.home, this.out, this.temporary]) mkdirSync(folder);
    const threads = { TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1', OMP_NUM_THREADS: '1' };
    /** @type {NodeJS.ProcessEnv} */
    this.env = { ...process.env, ...threads, TMPDIR: this.temporary, LD_PRELOAD: undefined };
  }

  /** @param {readonly string[]} args @param {(line: any) => void} [onLine] */
  start(args, onLine) {
    return startCli(this, args, onLine);
  }

  /**
   * A command that must succeed.
   * @param {readonly string[]} args
   * @returns {Promise<any[]>} its JSON lines
   */
  async run(...args) {
    /** @type {any[]} */
    const lines = [];
    const { code, stderr } = await this.start([...args, '--json'], (line) => lines.push(line)).ended;
    if (code !== 0) throw new Error(`trm ${args.join(' ')} ended with ${code}: ${stderr}`);
    return lines;
  }

  /** Opens the studio as any next start does, and closes it again. */
  async startAgain() {
    await this.run('runs');
  }

  /** Builds the dataset that the jobs work on. @returns {Promise<string>} its id */
  async dataset() {
    const lines = await this.run(
      'datasets',
      'build',
      '--sudoku',
      '64',
      '--size',
      '4',
      '--test',
      '16',
      '--name',
      'boards',
    );
    return lines[lines.length - 1].id;
  }

  /** Trains a small model to its end. @param {number} steps @param {readonly string[]} more @returns {Promise<string>} the run's id */
  async train(steps, ...more) {
    const lines = await this.run('train', '--data', 'boards', '--max-steps', String(steps), ...TINY, ...more);
    return lines[lines.length - 1].run;
  }

  /** Files of ours that a killed process left in the system's folder for temporary files. */
  temporaries() {
    return readdirSync(this.temporary).filter((name) => name.startsWith('trm-'));
  }

  /** The home as it is now, to be put back later. @returns {() => void} puts it back */
  keep() {
    const copy = join(this.root, 'kept');
    cpSync(this.home, copy, { recursive: true });
    return () => {
      rmSync(this.home, { recursive: true, force: true });
      cpSync(copy, this.home, { recursive: true });
    };
  }

  /**
   * Tells each change of a file but those of the database and the log: they show when something is being saved.
   * @param {() => void} told
   * @returns {() => void} ends it
   */
  watchFiles(told) {
    const watchers = [this.home, this.out].filter(existsSync).map((folder) =>
      watch(folder, { recursive: true }, (_event, name) => {
        if (name && !/^(studio\.db|logs|window)/.test(String(name))) told();
      }).on('error', () => undefined),
    );
    return () => watchers.forEach((watcher) => watcher.close());
  }

  remove() {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}
