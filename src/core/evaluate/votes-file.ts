/**
 * Votes as a file: `votes.safetensors` of a finished evaluation, and the greater part of its progress. Tensors: pool U8 ·
 * views I32 · grids I32 · q F64 (arc/voting.ts); ballots and what the caller adds are JSON in the metadata.
 */
import { StudioError } from '../../shared/errors';
import { Votes } from '../arc/voting';
import { writeSafetensors } from '../checkpoint/formats/safetensors-write';
import { readSafetensors, type NamedTensor } from '../checkpoint/formats/safetensors';

/** Of further tensors, by name. */
type Extra = Record<string, NamedTensor>;

export async function writeVotes(path: string, votes: Votes, about: object, extra: Extra = {}): Promise<void> {
  const { ballots, pool, views, grids, q } = votes.save();
  const flat = (data: NamedTensor['data']): NamedTensor => ({ shape: [data.length], data });
  // Eight-byte numbers first: a reader may want them aligned.
  const tensors = new Map<string, NamedTensor>([
    ['q', flat(q)],
    ...Object.entries(extra),
    ['views', flat(views)],
    ['grids', flat(grids)],
    ['pool', flat(pool)],
  ]);
  await writeSafetensors(path, tensors, { about: JSON.stringify(about), ballots: JSON.stringify(ballots) });
}

/** @throws StudioError `damaged` if it is not what {@link writeVotes} writes; file system errors */
export async function readVotes(
  path: string,
): Promise<{ votes: Votes; about: unknown; extra: Map<string, NamedTensor> }> {
  const { tensors, metadata } = await readSafetensors(path);
  try {
    const take = <T>(name: string, type: new (...args: never[]) => T): T => {
      const data = tensors.get(name)?.data;
      if (!(data instanceof type)) throw new RangeError(`"${name}" is missing`);
      return data;
    };
    const votes = Votes.restore({
      ballots: parsed(metadata, 'ballots') as { task: string; input: number; votes: number }[],
      pool: take('pool', Uint8Array),
      views: take('views', Int32Array),
      grids: take('grids', Int32Array),
      q: take('q', Float64Array),
    });
    return { votes, about: parsed(metadata, 'about'), extra: tensors };
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new StudioError('damaged', `${path} holds no votes (${error.message}): delete it and evaluate again.`);
  }
}

/** @throws RangeError, SyntaxError */
function parsed(metadata: Readonly<Record<string, string>>, key: string): unknown {
  if (!Object.hasOwn(metadata, key)) throw new RangeError(`"${key}" is missing`);
  return JSON.parse(metadata[key]);
}
