/** The flags that the builders from CSVs share. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { StudioError } from '../../shared/errors';
import { UsageError, wholeNumber } from '../usage';

export interface CsvFlags {
  source?: string;
  sourceRepo?: string;
  testSource?: string;
  test?: string;
  subsampleSize?: string;
  generate?: string;
  seed: string;
}

/** Exactly one of `--source` and `--generate`; the reference's own flag downloads, which is not done here. */
export function chosenSource(flags: CsvFlags, example: string): 'source' | 'generate' {
  if (flags.sourceRepo !== undefined) {
    throw new UsageError(
      `--source-repo ${flags.sourceRepo}: nothing is downloaded here; get train.csv and test.csv from that repository and give their folder, --source DIR.`,
    );
  }
  if ((flags.source === undefined) === (flags.generate === undefined)) {
    throw new UsageError(
      `Give either --source FILE.csv (or the folder of train.csv and test.csv) or --generate N, such as ${example}.`,
    );
  }
  return flags.source === undefined ? 'generate' : 'source';
}

/** Flags of the other way of building are mistakes, not wishes. */
export function refuseFlags(flags: object, given: readonly (readonly [string, string])[], why: string): void {
  for (const [key, flag] of given) {
    if ((flags as Record<string, unknown>)[key] !== undefined) throw new UsageError(`${flag} ${why}.`);
  }
}

/** The parts of a recipe that say which files are read. */
export function csvSource(flags: CsvFlags) {
  const given = resolve(flags.source as string);
  if (!existsSync(given)) throw new StudioError('not_found', `${given} does not exist: check the path.`);
  const folder = statSync(given).isDirectory();
  const train_file = folder ? join(given, 'train.csv') : given;
  if (!existsSync(train_file))
    throw new StudioError('not_found', `${given} holds no train.csv: give the file itself, --source FILE.csv.`);
  const beside = join(dirname(train_file), 'test.csv');
  const found = basename(train_file) === 'train.csv' && existsSync(beside) ? beside : null;
  const test_file =
    flags.testSource !== undefined ? resolve(flags.testSource) : flags.test === undefined ? found : null;
  if (flags.testSource !== undefined && flags.test !== undefined)
    throw new UsageError(
      '--test N holds puzzles of the training file out; give it or --test-source FILE.csv, not both.',
    );
  return {
    train_file,
    test_file,
    hold_out: flags.test === undefined ? 0 : wholeNumber(flags.test, '--test', 1, 10_000_000),
    subsample_size:
      flags.subsampleSize === undefined ? null : wholeNumber(flags.subsampleSize, '--subsample-size', 1, 2 ** 31 - 1),
    seed: wholeNumber(flags.seed, '--seed', 0, 2 ** 32 - 1),
  };
}
