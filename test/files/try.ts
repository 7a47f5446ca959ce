/** Mutated files through one reader: read, or refused in a sentence, within a second each. */
import { StudioError, toWireError } from '../../src/shared/errors';
import { asStudioError } from '../../src/studio/db/open';
import { change, randomOf, type Random } from './mutate';

/** One kind of file that the studio reads. A new one is an entry in `readers.ts`. */
export interface Reader {
  name: string;
  /** Good files of the kind. */
  seeds: readonly Buffer[];
  /** Instead of the general changes, where most of them would end at the file's outermost layer. */
  mutate?: (good: Buffer, random: Random, others: readonly Buffer[]) => Buffer | Promise<Buffer>;
  /**
   * Reads a changed copy of the seed with this number.
   * @returns the sentences of what was refused; none where all was read
   * @throws StudioError where the whole file is refused; anything else is a fault
   */
  read(bytes: Buffer, seed: number): readonly string[] | Promise<readonly string[]>;
  close?(): void | Promise<void>;
}

export interface Fault {
  case: number;
  what: string;
}

export interface Tally {
  tried: number;
  refused: number;
  read: number;
  slowest_ms: number;
  faults: Fault[];
}

export const LIMIT_MS = 1000;
/** A slow case is tried again: another program may have had the processor. */
const TRIES = 3;
const LONGEST = 1000;

/** What is wrong with a sentence; null if nothing is. */
export function sentenceFault(text: string): string | null {
  if (!/[.?]$/.test(text)) return 'no sentence';
  if (/[\n\r]/.test(text)) return 'more than one line';
  if (/\[object |\bundefined\b/.test(text)) return 'holds what only a program says';
  return text.length > LONGEST ? `${text.length} characters` : null;
}

export async function tryReader(
  reader: Reader,
  { seed, from = 0, count }: { seed: number; from?: number; count: number },
  before: (index: number) => void = () => undefined,
): Promise<Tally> {
  const tally: Tally = { tried: 0, refused: 0, read: 0, slowest_ms: 0, faults: [] };
  for (let index = from; index < from + count; index++) {
    const random = randomOf(seed, reader.name, index);
    const which = index % reader.seeds.length;
    const bytes = await (reader.mutate ?? change)(reader.seeds[which], random, reader.seeds);
    before(index);
    tally.tried++;
    let fastest = Infinity;
    let outcome = await once(reader, bytes, which);
    for (let n = 1; ; n++) {
      fastest = Math.min(fastest, outcome.ms);
      if (fastest <= LIMIT_MS || n === TRIES) break;
      outcome = await once(reader, bytes, which);
    }
    tally.slowest_ms = Math.max(tally.slowest_ms, fastest);
    if (fastest > LIMIT_MS) tally.faults.push({ case: index, what: `took ${Math.round(fastest)} ms` });
    if (outcome.fault !== null) tally.faults.push({ case: index, what: outcome.fault });
    else if (outcome.refused) tally.refused++;
    else tally.read++;
  }
  return tally;
}

async function once(
  reader: Reader,
  bytes: Buffer,
  seed: number,
): Promise<{ ms: number; refused: boolean; fault: string | null }> {
  const started = performance.now();
  let sentences: readonly string[];
  try {
    sentences = await reader.read(bytes, seed);
  } catch (thrown) {
    const error = asStudioError(thrown, 'the database');
    const wire = toWireError(error);
    if (!(error instanceof StudioError) && wire.code === 'internal') {
      const where = error instanceof Error ? (error.stack ?? '').split('\n').slice(0, 4).join(' ') : String(error);
      return { ms: performance.now() - started, refused: true, fault: where };
    }
    sentences = [wire.message];
  }
  const ms = performance.now() - started;
  const bad = sentences.map((text) => [sentenceFault(text), text]).find(([why]) => why !== null);
  return {
    ms,
    refused: sentences.length > 0,
    fault: bad ? `${bad[0]}: ${JSON.stringify(bad[1]?.slice(0, 200))}` : null,
  };
}
