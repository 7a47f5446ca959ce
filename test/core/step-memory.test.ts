/** What a step's graph costs, counted without running it. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src/core/backend/load';
import { kernelNodes, memoryOf, workOf } from '../../src/core/backend/record/cost';
import { plan, type InputShapes, type Recordable } from '../../src/core/backend/record/record';
import { forDevice } from '../../src/core/backend/device';
import { DType } from '../../src/core/backend/record/graph';
import { planGraph } from '../../src/core/bench/graph';
import { planStep } from '../../src/core/train/recorded-step';
import { makeProgram, stateShapes } from '../../src/core/train/setup';
import type { TrainConfig } from '../../src/shared/config';
import { presetConfig } from '../../src/shared/presets';

beforeAll(async () => {
  expect((await loadBackend()).backend).toBe('tensorflow');
});

function nodesOf(fn: Recordable, inputs: InputShapes) {
  const { graph, variants } = plan(fn, inputs, { variables: {} });
  const [{ done, fetches }] = variants;
  return graph.needed([done.node, ...[...fetches.values()].map(({ node }) => node)]);
}

describe('the memory of a graph', () => {
  // 400 bytes.
  const x = { x: { dtype: 'float32', shape: [10, 10] } } as const;

  it('is that of values which are needed later, and views are none', () => {
    // Input and each transpose: two are alive at a time, and the reshape is the second of them.
    const chain = nodesOf(({ x }) => ({ outputs: { y: tf.transpose(tf.reshape(tf.transpose(x), [5, 20])) } }), x);
    expect(memoryOf(chain).peak).toBe(800);
    // The input is needed at the end too.
    const kept = nodesOf(
      ({ x }) => ({ outputs: { y: tf.matMul(tf.transpose(tf.transpose(x)), x as tf.Tensor2D) } }),
      x,
    );
    expect(memoryOf(kept).peak).toBe(1200);
  });

  it('counts what elementwise kernels write over once', () => {
    const nodes = nodesOf(({ x }) => ({ outputs: { y: tf.exp(tf.square(tf.neg(x))) } }), x);
    expect(memoryOf(nodes).peak).toBe(400);
    const both = nodesOf(({ x }) => ({ outputs: { y: tf.add(x, tf.exp(x)) } }), x);
    expect(memoryOf(both).peak).toBe(800);
  });

  it('knows products and bytes', () => {
    const nodes = nodesOf(({ x }) => ({ outputs: { y: tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D, true) } }), x);
    expect(workOf(nodes)).toEqual({ flops: 2000, bytes: 1200 });
    expect(kernelNodes(nodes)).toBe(1);
    const squares = memoryOf(nodes, ({ node }) => node.op !== 'Placeholder');
    expect(squares).toEqual({ peak: 800, chosen: 400 });
  });
});

describe('the published ARC step', () => {
  const sizes = { seq_len: 900, vocab_size: 12, num_puzzle_identifiers: 876_406 };
  const planned = (change: Partial<TrainConfig>, bytes: number) => {
    const config = { ...presetConfig('arc-agi-1'), ...change };
    return planGraph(config, { arch: config.arch, ...sizes }, { kind: 'gpu', bytes });
  };

  it('at batch 768 is a graph that TensorFlow takes, on a GPU with 80 GB', () => {
    const { nodes, part, fits, peak_bytes, memory, work } = planned({}, 80e9);
    expect(nodes).toBeLessThan(15_000);
    expect(fits).toBe(true);
    expect(peak_bytes).toBeLessThan(80e9);
    expect(part).toBeGreaterThan(96);
    // 306 TFLOP, and the table of 1.8 GB.
    expect(work.flops).toBeGreaterThan(290e12);
    expect(work.flops).toBeLessThan(340e12);
    expect(memory.embedding).toBe(876_406 * 512 * 4);
    expect(Object.values(memory).reduce<number>((a, b) => a + (b as number), 0)).toBe(peak_bytes);
  });

  it('does not grow with the batch, and fits a smaller card in smaller parts', () => {
    const [usual, larger] = [planned({}, 24e9), planned({ global_batch_size: 1536 }, 24e9)];
    expect(usual.fits).toBe(true);
    expect(usual.part).toBeLessThan(96);
    expect(usual.nodes).toBeLessThan(15_000);
    expect(larger.nodes).toBeLessThan(1.1 * usual.nodes);
  });
});

/** Ops whose int32 kernels take and give host memory on a GPU, by TensorFlow 2.21's registrations. */
const HOST_INT32 = new Set(
  'Equal NotEqual Less LessEqual Greater GreaterEqual Reshape Identity AddV2 Add Sub Mul Maximum Minimum FloorMod Sum Fill'.split(
    ' ',
  ),
);

describe('a recorded step on a GPU', () => {
  it.each([6, 3])('computes nothing of the batch on the host, %i rows at a time', (part) => {
    const { arch } = presetConfig('arc-small');
    const config = { ...presetConfig('arc-small'), global_batch_size: 6, arch: { ...arch, no_ACT_continue: false } };
    const spec = { arch: config.arch, seq_len: 25, vocab_size: 12, num_puzzle_identifiers: 9 };
    const program = makeProgram(config, spec);
    const setup = { program, shapes: stateShapes(program, config), rows: 9, bfloat16: true, part };
    const recording = forDevice({ kind: 'gpu', bytes: 24e9 }, () => planStep(setup));
    const onHost = recording.graph
      .needed(recording.roots())
      .filter(({ op, inputs }) => HOST_INT32.has(op) && inputs[0].dtype === DType.int32)
      .filter(({ inputs }) => inputs.some(({ node }) => node.op !== 'Const'));
    expect(onHost.map(({ name }) => name)).toEqual([]);
  });
});
