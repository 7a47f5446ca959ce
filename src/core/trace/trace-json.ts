/** A trace file as the JSON that the window exports too (shared/trace-json.ts). */
import { StudioError } from '../../shared/errors';
import { parseTraceMeta, type TraceMeta } from '../../shared/trace';
import { traceJson } from '../../shared/trace-json';
import { SafetensorsFile } from '../checkpoint/formats/safetensors';

const damaged = (path: string, why: string): StudioError =>
  new StudioError('damaged', `${path} is no whole trace (${why}): make the playback again.`);

function metaOf(file: SafetensorsFile): TraceMeta {
  const meta = parseTraceMeta(file.header.metadata.trace);
  if (!meta) throw damaged(file.path, 'it says nothing about itself');
  if ('later' in meta) {
    throw new StudioError(
      'newer_version',
      `${file.path} was made by a later TRM Studio (format ${meta.later}): update TRM Studio to read it.`,
    );
  }
  if (meta.schema === 2) return meta;
  throw new StudioError('bad_input', `${file.path} is a trace of an early TRM Studio: make the playback again.`);
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** @throws StudioError `damaged` if the file is no trace; file system errors */
export async function traceFileJson(path: string): Promise<string> {
  const file = await SafetensorsFile.open(path);
  try {
    const meta = metaOf(file);
    const { act_steps: T, rows, columns } = meta;
    const S = rows * columns;
    const N = meta.views.length;
    const output = meta.updates.filter(({ latent }) => latent === meta.latents[0]).length;
    const writes = meta.updates.length > 0 ? output : 1;
    const read = async <A>(name: string, length: number, type: new (n: number) => A): Promise<A> => {
      const { data } = await file.read(name);
      if (data instanceof type && data.length === length) return data;
      throw damaged(path, `its "${name}" has ${data.length} values where ${length} belong`);
    };
    const f32 = (name: string, length: number) => read(name, length, Float32Array);
    const u8 = (name: string, length: number) => read(name, length, Uint8Array);
    const parts = <A extends Float32Array | Uint8Array>(all: A, count: number, each: number): A[] =>
      Array.from({ length: count }, (_, i) => all.subarray(i * each, (i + 1) * each) as A);

    const target = file.has('target') ? await u8('target', S) : null;
    const layers = await Promise.all(
      meta.latents.map(async (name) => ({
        name,
        tokens: parts(await u8(`tokens.${name}`, T * S), T, S),
        confidence: parts(await f32(`confidence.${name}`, T * S), T, S),
        entropy: parts(await f32(`entropy.${name}`, T * S), T, S),
        change: await f32(`change.${name}`, T),
      })),
    );
    const cells = Array.from({ length: S }, (_, s) => s);
    const labelled = target ? cells.filter((s) => target[s] !== 0) : cells;
    const steps = layers[0].tokens.map((tokens, t) => ({
      right: target && labelled.filter((s) => target[s] === tokens[s]).length,
      labelled: target ? labelled.length : 0,
      confidence: labelled.reduce((sum, s) => sum + layers[0].confidence[t][s], 0) / Math.max(1, labelled.length),
    }));
    return traceJson({
      meta,
      shape: { rows, columns },
      input: await u8('input', S),
      target,
      layers,
      halting: (await f32('q_halt', T)).map(sigmoid),
      going: (await f32('q_continue', T)).map(sigmoid),
      distances: await f32('distances', (T + 1) ** 2),
      path: await f32('path', 2 * (1 + T * writes)),
      views:
        N > 1
          ? {
              halting: parts((await f32('views.q_halt', N * T)).map(sigmoid), N, T),
              tokens: parts(await u8('views.tokens', N * T * S), N, T * S).map((all) => parts(all, T, S)),
              paths: parts(await f32('views.path', 2 * N * (T + 1)), N, 2 * (T + 1)),
            }
          : null,
      steps,
    });
  } finally {
    file.close();
  }
}
