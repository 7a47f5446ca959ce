/** A trace file as the JSON that the window exports too (shared/trace-json.ts). */
import type { TraceMeta } from '../../shared/trace';
import { traceJson } from '../../shared/trace-json';
import { SafetensorsFile } from '../checkpoint/formats/safetensors';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** @throws StudioError `damaged` if the file is no trace; file system errors */
export async function traceFileJson(path: string): Promise<string> {
  const file = await SafetensorsFile.open(path);
  try {
    const meta = JSON.parse(file.header.metadata.trace) as TraceMeta;
    const { act_steps: T, rows, columns } = meta;
    const S = rows * columns;
    const N = meta.views.length;
    const f32 = async (name: string) => (await file.read(name)).data as Float32Array;
    const u8 = async (name: string) => (await file.read(name)).data as Uint8Array;
    const parts = <A extends Float32Array | Uint8Array>(all: A, count: number, each: number): A[] =>
      Array.from({ length: count }, (_, i) => all.subarray(i * each, (i + 1) * each) as A);

    const target = file.has('target') ? await u8('target') : null;
    const layers = await Promise.all(
      meta.latents.map(async (name) => ({
        name,
        tokens: parts(await u8(`tokens.${name}`), T, S),
        confidence: parts(await f32(`confidence.${name}`), T, S),
        entropy: parts(await f32(`entropy.${name}`), T, S),
        change: await f32(`change.${name}`),
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
      input: await u8('input'),
      target,
      layers,
      halting: (await f32('q_halt')).map(sigmoid),
      going: (await f32('q_continue')).map(sigmoid),
      distances: await f32('distances'),
      path: await f32('path'),
      views:
        N > 1
          ? {
              halting: parts((await f32('views.q_halt')).map(sigmoid), N, T),
              tokens: parts(await u8('views.tokens'), N, T * S).map((all) => parts(all, T, S)),
              paths: parts(await f32('views.path'), N, 2 * (T + 1)),
            }
          : null,
      steps,
    });
  } finally {
    await file.close();
  }
}
