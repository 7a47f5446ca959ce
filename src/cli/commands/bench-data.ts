/**
 * `trm bench data`: what building a dataset costs in time and memory, whether its files are the reference's, and how
 * fast training examples are drawn and decoded from it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { readKaggleSubset } from '../../core/arc/kaggle';
import { buildArc, type TaskSubset } from '../../core/data/arc-builder';
import { readBundled } from '../../core/data/bundled';
import { openData } from '../../core/data/merged';
import { TrainSampler } from '../../core/data/sampler';
import { BUNDLED_SUBSETS, type ArcRecipe } from '../../shared/dataset';
import { StudioError } from '../../shared/errors';
import { appFiles } from '../../studio/app-files';
import type { Globals } from '../open';
import { bytes, count, duration, printJson, say, table } from '../output';
import { ProgressLine } from '../progress';
import { UsageError, wholeNumber } from '../usage';

/** The published training sets, by the names that the README gives them. */
const SETS: Record<string, Pick<ArcRecipe, 'subsets' | 'test_set'>> = {
  arc1: { subsets: ['training', 'evaluation', 'concept'], test_set: 'evaluation' },
  arc2: { subsets: ['training2', 'evaluation2', 'concept'], test_set: 'evaluation2' },
  arc12: { subsets: ['training', 'evaluation', 'training2', 'evaluation2', 'concept'], test_set: 'evaluation2' },
};

interface Flags extends Globals {
  set: string;
  numAug: string;
  seed: string;
  inputFilePrefix?: string;
  outputDir?: string;
  verify?: string;
  batch: string;
  seconds: string;
  keep?: true;
  data?: string;
}

export function benchDataCommand(bench: Command, exit: (code: number) => void): void {
  bench
    .command('data')
    .description('build an ARC dataset, check its files, sample from it: time, memory, examples per second')
    .option('--set <name>', `which one: ${Object.keys(SETS).join(', ')}`, 'arc1')
    .option('--num-aug <n>', 'augmentations per puzzle', '100')
    .option('--seed <n>', 'seed of every draw', '42')
    .option('--input-file-prefix <prefix>', 'read PREFIX_SUBSET_challenges.json instead of the bundled tasks')
    .option('--output-dir <dir>', 'folder to build in; it is removed at the end (default: in the temporary folder)')
    .option('--verify <file>', 'a list of sha256 hashes, as sha256sum prints, that the files must have')
    .option('--batch <n>', 'examples per batch when sampling', '768')
    .option('--seconds <n>', 'how long to sample', '5')
    .option('--data <dir>', 'sample from this dataset, and build none')
    .option('--keep', 'leave the dataset there')
    .action(async (_options: unknown, command: Command) => {
      exit(await run(command.optsWithGlobals<Flags>()));
    });
}

async function run(flags: Flags): Promise<number> {
  const set = Object.hasOwn(SETS, flags.set) ? SETS[flags.set] : null;
  if (!set) throw new UsageError(`--set is ${flags.set}: use ${Object.keys(SETS).join(', ')}.`);
  const recipe: ArcRecipe = {
    kind: 'arc',
    ...set,
    num_aug: wholeNumber(flags.numAug, '--num-aug', 0, 10_000),
    seed: wholeNumber(flags.seed, '--seed', 0, 2 ** 32 - 1),
    canvas: 30,
  };
  const batch = wholeNumber(flags.batch, '--batch', 1, 100_000);
  const seconds = wholeNumber(flags.seconds, '--seconds', 1, 600);
  if (flags.data !== undefined) {
    const result = { event: 'bench', bench: 'data', data: resolve(flags.data), ...sample(resolve(flags.data), batch, seconds, recipe.seed) }; // prettier-ignore
    if (flags.json) printJson(result);
    else say(`${count(Math.round(result.sampled_per_second))} examples/s drawn and decoded from ${count(result.examples)}; ${bytes(result.sampler_bytes)} of memory more.`); // prettier-ignore
    return 0;
  }
  const out = resolve(flags.outputDir ?? join(tmpdir(), `trm-bench-data-${process.pid}`));
  const subsets = await readSubsets(recipe, flags.inputFilePrefix);
  const line = new ProgressLine();
  try {
    const started = performance.now();
    await buildArc(recipe, subsets, out, {
      progress: (done, total, what) => line.update(done, total, `${count(done)} of ${count(total)} ${what}`, null),
    });
    const build_seconds = (performance.now() - started) / 1000;
    line.clear();
    const peak_bytes = process.resourceUsage().maxRSS * 1024;
    const differing = flags.verify === undefined ? null : await differingFiles(out, resolve(flags.verify));
    const sampled = sample(out, batch, seconds, recipe.seed);
    const result = { event: 'bench', bench: 'data', set: flags.set, num_aug: recipe.num_aug, build_seconds, peak_bytes, ...sampled, differing }; // prettier-ignore
    if (flags.json) printJson(result);
    else tell(result);
    return differing?.length ? 1 : 0;
  } finally {
    line.clear();
    if (!flags.keep) await rm(out, { recursive: true, force: true });
  }
}

async function readSubsets(recipe: ArcRecipe, prefix: string | undefined): Promise<TaskSubset[]> {
  const { resources } = appFiles();
  return Promise.all(
    recipe.subsets.map(async (name) => {
      if (prefix !== undefined) return { name, tasks: await readKaggleSubset(resolve(prefix), name) };
      const bundled = BUNDLED_SUBSETS.find((known) => known === name);
      if (!bundled) throw new StudioError('not_found', `The tasks of ${name} are not here.`);
      return { name, tasks: await readBundled(resources, bundled) };
    }),
  );
}

/** Files of the list whose hash is another one, or that are missing. .json files are left out: they need not print alike. */
async function differingFiles(folder: string, list: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const entry of readFileSync(list, 'utf8').split('\n')) {
    const [, hash, name] = /^([0-9a-f]{64})\s+\*?(.+\.npy)$/.exec(entry.trim()) ?? [];
    if (!name) continue;
    if ((await sha256(join(folder, name))) !== hash) wrong.push(name);
  }
  return wrong;
}

async function sha256(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 22 })) hash.update(chunk as Buffer);
  } catch {
    return null;
  }
  return hash.digest('hex');
}

function sample(folder: string, batchSize: number, seconds: number, seed: number) {
  const data = openData([folder], []);
  try {
    const before = process.memoryUsage.rss();
    const sampler = new TrainSampler(data.train, { batchSize, epochs: 1000, seed });
    const started = performance.now();
    let examples = 0;
    while (performance.now() - started < seconds * 1000) examples += sampler.next()?.filled ?? 0;
    const took = (performance.now() - started) / 1000;
    return {
      examples: data.train.examples,
      identifiers: data.numPuzzleIdentifiers,
      sampled_per_second: examples / took,
      sampler_bytes: process.memoryUsage.rss() - before,
    };
  } finally {
    data.close();
  }
}

function tell(result: {
  set: string;
  num_aug: number;
  build_seconds: number;
  peak_bytes: number;
  examples: number;
  identifiers: number;
  sampled_per_second: number;
  differing: string[] | null;
}): void {
  say(
    table(
      ['set', 'augmentations', 'examples', 'identifiers', 'built in', 'peak memory', 'examples/s'],
      [
        [
          result.set,
          count(result.num_aug),
          count(result.examples),
          count(result.identifiers),
          result.build_seconds < 60 ? `${result.build_seconds.toFixed(1)} s` : duration(result.build_seconds),
          bytes(result.peak_bytes),
          count(Math.round(result.sampled_per_second)),
        ],
      ],
      [1, 2, 3, 4, 5, 6],
    ),
  );
  if (result.differing?.length === 0) say('Every listed .npy file is byte for byte the reference’s.');
  else if (result.differing) say(`Not the reference’s: ${result.differing.join(', ')}.`);
}
