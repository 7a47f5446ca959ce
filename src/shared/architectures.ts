/**
 * What the config, the form, the command line and the estimates know about each architecture; what it computes is in
 * core/model, one file each. Names, defaults and ignored keys are the reference's (config/arch/*.yaml and the models).
 */

export const ARCH_NAMES = [
  'recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1',
  'recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1',
  'recursive_reasoning.trm_hier6@TinyRecursiveReasoningModel_ACTV1',
  'recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1',
  'recursive_reasoning.transformers_baseline@Model_ACTV2',
] as const;
export type ArchName = (typeof ARCH_NAMES)[number];

/** Latent vectors that `trm_hier6` has for its low level, and so the most L_cycles it can run. */
export const HIER6_LATENTS = 6;

export interface ArchFacts {
  /** The hydra preset, as in `arch=hrm`. */
  preset: string;
  title: string;
  /** What it is, in one sentence for the form. */
  summary: string;
  /** Keys of the arch section, without `arch.`, that it does not read; their values change nothing. */
  ignores: readonly string[];
  /** What the reference's preset sets other than the schema's defaults (those of trm). */
  preset_values: Readonly<Record<string, unknown>>;
}

/** TRM and its variants: only the baseline has switches for ACT, and H_layers is there for show. */
const TRM_IGNORES = ['H_layers', 'act_enabled', 'act_inference'];

export const ARCHITECTURES: Readonly<Record<ArchName, ArchFacts>> = {
  'recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1': {
    preset: 'trm',
    title: 'TRM',
    summary: 'Tiny Recursive Model: one small network refines a latent z_L and an answer z_H in turn.',
    ignores: TRM_IGNORES,
    preset_values: {},
  },
  'recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1': {
    preset: 'trm_singlez',
    title: 'TRM, single z',
    summary: 'The paper’s ablation with one latent, which is answer and scratch pad at once.',
    ignores: TRM_IGNORES,
    preset_values: {},
  },
  'recursive_reasoning.trm_hier6@TinyRecursiveReasoningModel_ACTV1': {
    preset: 'trm_hier6',
    title: 'TRM, six z',
    summary: `The paper’s ablation with ${HIER6_LATENTS} low latents, one written per L cycle.`,
    ignores: TRM_IGNORES,
    preset_values: {},
  },
  'recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1': {
    preset: 'hrm',
    title: 'HRM',
    summary: 'Hierarchical Reasoning Model: two networks, H and L, and a learned value of going on.',
    ignores: ['puzzle_emb_len', 'no_ACT_continue', 'act_enabled', 'act_inference'],
    preset_values: { H_cycles: 2, L_cycles: 2, H_layers: 4, L_layers: 4 },
  },
  'recursive_reasoning.transformers_baseline@Model_ACTV2': {
    preset: 'transformers_baseline',
    title: 'Transformer baseline',
    summary: 'One deep stack per ACT step, without recursion inside; gradients go through all of it.',
    ignores: ['L_layers', 'L_cycles', 'H_cycles', 'mlp_t', 'puzzle_emb_len', 'no_ACT_continue'],
    preset_values: { H_cycles: 1, H_layers: 8, num_heads: 12 },
  },
};

/** The architecture of a hydra preset such as `hrm`, or undefined. */
export const archOfPreset = (preset: string): ArchName | undefined =>
  ARCH_NAMES.find((name) => ARCHITECTURES[name].preset === preset);

/** The presets' names, as `arch=NAME` takes them. */
export const ARCH_PRESETS: readonly string[] = ARCH_NAMES.map((name) => ARCHITECTURES[name].preset);

/** Whether an architecture reads this key of the arch section. */
export const reads = (name: ArchName, key: string): boolean => !ARCHITECTURES[name].ignores.includes(key);

/** What the sizes below depend on. */
interface Sizes {
  name: ArchName;
  hidden_size: number;
  num_heads: number;
  puzzle_emb_ndim: number;
  puzzle_emb_len: number;
}

/** P: the config's puzzle_emb_len where it counts, else as many tokens as the embedding needs; 0 without embeddings. */
export function prefixTokens(arch: Sizes): number {
  if (arch.puzzle_emb_ndim === 0) return 0;
  const fixed = reads(arch.name, 'puzzle_emb_len') ? arch.puzzle_emb_len : 0;
  return fixed || Math.ceil(arch.puzzle_emb_ndim / arch.hidden_size);
}

/** Numbers per attention head, d = floor(D / heads): where heads does not divide D, as in `arch=transformers_baseline`. */
export const headSize = (arch: Pick<Sizes, 'hidden_size' | 'num_heads'>): number =>
  Math.floor(arch.hidden_size / arch.num_heads);

/** True where blocks mix the tokens with a SwiGLU over the sequence in place of attention. */
export const mixesBySwiglu = (arch: { name: ArchName; mlp_t: boolean }): boolean =>
  arch.mlp_t && reads(arch.name, 'mlp_t');

/** Hidden width of a SwiGLU over `width` features: round(expansion · width · 2/3), up to a multiple of 256. */
export const swigluWidth = (width: number, expansion: number): number =>
  Math.ceil(roundHalfEven((expansion * width * 2) / 3) / 256) * 256;

/** Python's round: a half goes to the even neighbour. */
function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}
