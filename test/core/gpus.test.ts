/** Which card computes, from what nvidia-smi said on machines with one, several and none. */
import { describe, expect, it } from 'vitest';
import { attentionBudget } from '../../src/core/backend/device';
import { chooseGpu, hasBfloat16, parseGpus, visibleGpus } from '../../src/core/backend/gpus';

const H100 = 'GPU-1d3c9a2e-7b0f-0c55-9d6e-2f5a8c41e001';
const OLD = 'GPU-8a7f2210-11de-47f3-a3c1-6d0be2a7e002';
const NEW = 'GPU-8a9d4f61-52c8-4b1e-8a11-0f3c77d2e003';
const THREE = `0, ${OLD}, NVIDIA GeForce GTX 1660 Ti, 6144, 7.5, 580.65.06
1, ${H100}, NVIDIA H100 80GB HBM3, 81559, 9.0, 580.65.06
2, ${NEW}, NVIDIA GeForce RTX 5090, 32607, 12.0, 580.65.06
`;
const gpus = parseGpus(THREE);

describe('the cards of a machine', () => {
  it('are read with number, UUID, memory, capability and driver', () => {
    expect(gpus).toHaveLength(3);
    expect(gpus[1]).toEqual({
      index: 1,
      uuid: H100,
      name: 'NVIDIA H100 80GB HBM3',
      memory_bytes: 81559 * 2 ** 20,
      compute_capability: 9,
      driver: '580.65.06',
    });
    expect(parseGpus('No devices were found\n')).toEqual([]);
  });

  it.each([
    [undefined, [0, 1, 2]],
    ['1', [1]],
    ['2,0', [2, 0]],
    [H100, [1]],
    ['GPU-1d3c', [1]],
    // CUDA stops at the first that it does not know, and at what names two.
    ['1,7,2', [1]],
    ['GPU-8a', []],
    ['-1', []],
    ['', []],
  ])('that CUDA_VISIBLE_DEVICES=%s shows', (visible, indices) => {
    expect(visibleGpus(gpus, visible).map(({ index }) => index)).toEqual(indices);
  });

  it('are narrowed to one, numbered as nvidia-smi does', () => {
    const { gpu, env, notes } = chooseGpu(gpus, { CUDA_VISIBLE_DEVICES: '1,2' });
    expect(gpu?.name).toBe('NVIDIA H100 80GB HBM3');
    expect(env).toEqual({ CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: H100 });
    expect(notes).toEqual([]);
    expect(chooseGpu([], {}).gpu).toBeNull();
    expect(chooseGpu(gpus, { CUDA_VISIBLE_DEVICES: '-1' })).toEqual({
      gpu: null,
      env: { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' },
      notes: [],
    });
  });

  it('get no XLA where it would end the process, and say so', () => {
    const flags = '--tf_xla_auto_jit=2';
    const refused = chooseGpu(gpus, { CUDA_VISIBLE_DEVICES: '2', TF_XLA_FLAGS: flags });
    expect(refused.env.TF_XLA_FLAGS).toBeNull();
    expect(refused.notes).toEqual([
      'XLA is off: with NVIDIA GeForce RTX 5090 (compute capability 12.0) this TensorFlow’s compiler would end the process.',
    ]);
    const kept = chooseGpu(gpus, { CUDA_VISIBLE_DEVICES: '1', TF_XLA_FLAGS: flags });
    expect([kept.env.TF_XLA_FLAGS, kept.notes]).toEqual([undefined, []]);
  });

  it('have bfloat16 by the card that computes, whatever the others are', () => {
    const low = (visible: string) => hasBfloat16(chooseGpu(gpus, { CUDA_VISIBLE_DEVICES: visible }).gpu);
    expect(['0', '1', '2', '-1'].map(low)).toEqual([false, true, true, false]);
  });
});

describe('attention’s parts', () => {
  const GiB = 2 ** 30;
  const of = (bytes: number) => attentionBudget({ kind: 'gpu', bytes });
  it('are 1 to 2 GiB on a GPU by its memory, less on a small one, and 16 MiB on a CPU of any size', () => {
    expect(of(80e9).part).toBeCloseTo(2e9, -3);
    expect(of(192e9).part).toBe(2 * GiB);
    expect(of(24e9).part).toBe(GiB);
    expect(of(8e9).part).toBe(0.5e9);
    for (const bytes of [4e9, 512e9]) {
      expect(attentionBudget({ kind: 'cpu', bytes })).toEqual({ part: 2 ** 24, keep: 2 ** 24 });
    }
  });
});
