/** A trace file as JSON: what one would plot or print. The large per-update arrays stay in the safetensors file. */
import type { TraceMeta } from '../../shared/trace';
import { SafetensorsFile } from '../checkpoint/safetensors';

const round = (v: number): number => Number(v.toPrecision(6));
const numbers = (list: ArrayLike<number>): number[] => Array.from(list, round);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * As the window's export writes it (test/renderer/trace2.test.ts holds both to that).
 * @throws StudioError `damaged` if the file is no trace; file system errors
 */
export async function traceJson(path: string): Promise<string> {
  const file = await SafetensorsFile.open(path);
  try {
    const meta = JSON.parse(file.header.metadata.trace) as TraceMeta;
    const { act_steps: T, rows, columns, latents } = meta;
    const S = rows * columns;
    const read = async (name: string) => (file.has(name) ? (await file.read(name)).data : null);
    const f32 = async (name: string) => (await read(name)) as Float32Array;
    const u8 = async (name: string) => (await read(name)) as Uint8Array;
    const grid = (tokens: Uint8Array): number[][] =>
      Array.from({ length: rows }, (_, r) => Array.from(tokens.subarray(r * columns, (r + 1) * columns)));
    const part = <A extends Float32Array | Uint8Array>(all: A, i: number, each: number): A =>
      all.subarray(i * each, (i + 1) * each) as A;

    const input = await u8('input');
    const target = (await read('target')) as Uint8Array | null;
    const [halt, go] = [await f32('q_halt'), await f32('q_continue')];
    const layers = await Promise.all(
      latents.map(async (name) => ({
        name,
        tokens: await u8(`tokens.${name}`),
        confidence: await f32(`confidence.${name}`),
        entropy: await f32(`entropy.${name}`),
        change: await f32(`change.${name}`),
      })),
    );
    const facts = (t: number) => {
      const tokens = part(layers[0].tokens, t, S);
      const confidence = part(layers[0].confidence, t, S);
      const cells = Array.from({ length: S }, (_, s) => s);
      const labelled = target ? cells.filter((s) => target[s] !== 0) : cells;
      return {
        right: target && labelled.filter((s) => target[s] === tokens[s]).length,
        labelled: target ? labelled.length : 0,
        mean_confidence: round(labelled.reduce((sum, s) => sum + confidence[s], 0) / Math.max(1, labelled.length)),
      };
    };
    const distances = await f32('distances');
    const views = meta.views.length > 1 ? await Promise.all(['q_halt', 'path'].map((n) => f32(`views.${n}`))) : null;
    const viewTokens = views ? await u8('views.tokens') : null;
    return JSON.stringify({
      meta,
      input: grid(input),
      target: target && grid(target),
      steps: Array.from({ length: T }, (_, t) => ({
        step: t + 1,
        p_halt: round(sigmoid(halt[t])),
        p_continue: round(sigmoid(go[t])),
        ...facts(t),
        latents: Object.fromEntries(
          layers.map(({ name, tokens, confidence, entropy, change }) => [
            name,
            {
              change: round(change[t]),
              tokens: grid(part(tokens, t, S)),
              confidence: numbers(part(confidence, t, S)),
              entropy: numbers(part(entropy, t, S)),
            },
          ]),
        ),
      })),
      path: pairs(await f32('path')),
      distances: Array.from({ length: T + 1 }, (_, i) => numbers(part(distances, i, T + 1))),
      views:
        views &&
        viewTokens &&
        meta.views.map((view, n) => ({
          ...view,
          p_halt: numbers(part(views[0], n, T).map(sigmoid)),
          tokens: Array.from({ length: T }, (_, t) => grid(part(viewTokens, n * T + t, S))),
          path: pairs(part(views[1], n, 2 * (T + 1))),
        })),
    });
  } finally {
    await file.close();
  }
}

function pairs(list: Float32Array): [number, number][] {
  return Array.from({ length: list.length / 2 }, (_, i) => [round(list[2 * i]), round(list[2 * i + 1])]);
}
