/**
 * The one definition of a training config. Defaults, the form, the command line's overrides, the checkpoint's JSON
 * and the checks all come from it. Keys are the reference's hydra keys (paper's spelling); `studio.*` is our own.
 * Shapes: D = hidden_size, S = seq_len, P = puzzle_emb_len, V = vocab_size.
 */
import { z } from 'zod';
import { ARCHITECTURES, ARCH_NAMES, type ArchName } from './architectures';

/** What the form and the documentation know about a field besides its type. */
export interface FieldInfo {
  group: ConfigGroup;
  /** One sentence: what it means and what more or less of it does. */
  help: string;
  unit?: string;
  /** Shown under "Advanced". */
  advanced?: boolean;
  /** For a choice: what each option is called and means. */
  choices?: Readonly<Record<string, ChoiceInfo>>;
}

export interface ChoiceInfo {
  label: string;
  help: string;
}

export const CONFIG_GROUPS = {
  model: 'Model',
  recursion: 'Recursion and halting',
  optimizer: 'Optimizer',
  embedding: 'Puzzle embedding',
  schedule: 'Length and evaluation',
  data: 'Data',
  run: 'Run',
} as const;
export type ConfigGroup = keyof typeof CONFIG_GROUPS;

const f = <T extends z.ZodType>(schema: T, info: FieldInfo): T => schema.meta({ ...info }) as T;
const int = (min: number, max: number) => z.number().int().min(min).max(max);
const real = (min: number, max: number) => z.number().min(min).max(max);

const ARCH_CHOICES = Object.fromEntries(
  ARCH_NAMES.map((name: ArchName) => [name, { label: ARCHITECTURES[name].title, help: ARCHITECTURES[name].summary }]),
);

export const LossSchema = z.strictObject({
  name: f(z.literal('losses@ACTLossHead').default('losses@ACTLossHead'), {
    group: 'model',
    help: 'Loss head: token cross-entropy plus the halting loss.',
    advanced: true,
  }),
  loss_type: f(z.enum(['stablemax_cross_entropy', 'softmax_cross_entropy']).default('stablemax_cross_entropy'), {
    group: 'model',
    help: 'Token loss: how logits become probabilities.',
    advanced: true,
    choices: {
      stablemax_cross_entropy: {
        label: 'Stablemax',
        help: 'Grows linearly instead of exponentially, so that late training stays stable; the published runs use it.',
      },
      softmax_cross_entropy: { label: 'Softmax', help: 'The usual cross-entropy.' },
    },
  }),
});

export const ArchSchema = z.strictObject({
  name: f(z.enum(ARCH_NAMES).default(ARCH_NAMES[0]), {
    group: 'model',
    help: 'Architecture: what one ACT step computes.',
    choices: ARCH_CHOICES,
  }),
  loss: LossSchema.prefault({}),
  hidden_size: f(int(16, 4096).default(512), {
    group: 'model',
    help: 'Width D of every token’s latent vector; weights and time grow with its square.',
  }),
  num_heads: f(int(1, 64).default(8), {
    group: 'model',
    help: 'Attention heads of floor(hidden_size / num_heads) numbers each; rotary positions need an even head size, rope2d one that 4 divides.',
  }),
  expansion: f(real(0.25, 16).default(4), {
    group: 'model',
    help: 'Width of the SwiGLU: round(expansion · D · 2/3), rounded up to a multiple of 256.',
  }),
  L_layers: f(int(1, 64).default(2), {
    group: 'model',
    help: 'Blocks in TRM’s one shared level, or in HRM’s L level; the transformer baseline has none.',
  }),
  H_layers: f(int(0, 64).default(0), {
    group: 'model',
    help: 'Blocks in the H level of HRM and of the transformer baseline; TRM ignores it.',
    advanced: true,
  }),
  H_cycles: f(int(1, 16).default(3), {
    group: 'recursion',
    help: 'Outer cycles per ACT step; only the last one carries a gradient. The transformer baseline has none.',
  }),
  L_cycles: f(int(1, 32).default(6), {
    group: 'recursion',
    help: 'Inner updates of z_L per outer cycle (six z: at most 6). A checkpoint works only with the value it was trained with.',
  }),
  halt_max_steps: f(int(1, 64).default(16), {
    group: 'recursion',
    unit: 'ACT steps',
    help: 'Most ACT steps a puzzle may take; evaluation always runs all of them.',
  }),
  halt_exploration_prob: f(real(0, 1).default(0.1), {
    group: 'recursion',
    help: 'Probability that a training row must run for a random minimum of steps before it may halt.',
  }),
  pos_encodings: f(z.enum(['rope', 'rope2d', 'learned', 'none']).default('rope'), {
    group: 'model',
    help: 'How positions reach the network: rotary by token, rotary by row and column (an extension of the studio: the reference cannot run it), a learned table, or not at all.',
  }),
  forward_dtype: f(z.enum(['float32', 'bfloat16']).default('bfloat16'), {
    group: 'model',
    help: 'Number format of activations. Runs in float32 where the backend has no bfloat16 yet, which the run says.',
  }),
  puzzle_emb_ndim: f(int(0, 16384).default(512), {
    group: 'embedding',
    help: 'Numbers in each puzzle’s learned embedding; 0 turns puzzle embeddings off.',
  }),
  mlp_t: f(z.boolean().default(false), {
    group: 'model',
    help: 'Replace attention by an MLP over the sequence axis; good for small fixed boards such as Sudoku.',
  }),
  puzzle_emb_len: f(int(0, 128).default(16), {
    group: 'embedding',
    unit: 'tokens',
    help: 'Prefix tokens P that carry the puzzle embedding; 0 means ceil(puzzle_emb_ndim / hidden_size), as HRM and the transformer always have it.',
  }),
  no_ACT_continue: f(z.boolean().default(true), {
    group: 'recursion',
    help: 'On: TRM halts where q_halt > 0. Off: it learns the value of going on as well, and halts where q_halt > q_continue, as HRM always does (one more forward pass per step).',
    advanced: true,
  }),
  act_enabled: f(z.boolean().default(true), {
    group: 'recursion',
    help: 'Transformer baseline: off trains every puzzle for all halt_max_steps.',
    advanced: true,
  }),
  act_inference: f(z.boolean().default(false), {
    group: 'recursion',
    help: 'Transformer baseline: on lets evaluation stop at the step where q_halt > q_continue; its answer is that step’s.',
    advanced: true,
  }),
  rms_norm_eps: f(real(1e-12, 1e-1).default(1e-5), {
    group: 'model',
    help: 'Added to the mean square in every RMS norm.',
    advanced: true,
  }),
  rope_theta: f(real(1, 1e9).default(10_000), {
    group: 'model',
    help: 'Longest wavelength of the rotary positions.',
    advanced: true,
  }),
});

/** An evaluator of the reference by its class, with the arguments that its `arc@ARC` takes. */
const EvaluatorSchema = z.strictObject({
  name: z.string().min(1).max(200),
  submission_K: int(1, 1000).optional(),
  pass_Ks: z.array(int(1, 1_000_000)).max(100).optional(),
  aggregated_voting: z.boolean().optional(),
});

export const StudioSchema = z.strictObject({
  max_steps: f(int(0, 100_000_000).default(0), {
    group: 'schedule',
    unit: 'steps',
    help: 'Stop after this many optimizer steps; 0 follows epochs.',
  }),
  max_minutes: f(real(0, 525_600).default(0), {
    group: 'schedule',
    unit: 'min',
    help: 'Stop after this much training time; 0 sets no limit.',
  }),
  eval_examples: f(int(0, 10_000_000).default(256), {
    group: 'schedule',
    unit: 'examples',
    help: 'Test examples per evaluation, evenly spread; 0 takes all.',
  }),
  checkpoint_every_steps: f(int(0, 10_000_000).default(0), {
    group: 'schedule',
    unit: 'steps',
    help: 'Also save between evaluations; 0 saves at evaluations, pauses and stops only.',
  }),
  checkpoint_every_minutes: f(real(0, 1440).default(5), {
    group: 'schedule',
    unit: 'min',
    help: 'Save at least this often, so that a crash loses little; 0 turns it off.',
  }),
  keep_checkpoints: f(int(1, 1000).default(5), {
    group: 'schedule',
    unit: 'files',
    help: 'Newest checkpoints kept besides the best one and those you keep by hand.',
  }),
  log_every_steps: f(int(1, 10_000).default(1), {
    group: 'schedule',
    unit: 'steps',
    help: 'Every how many steps a point of each metric is stored.',
    advanced: true,
  }),
  tensorboard_dir: f(z.string().min(1).max(4096).nullable().default(null), {
    group: 'run',
    help: 'Folder in which the metrics are also written as TensorBoard events while the run trains, one folder per run.',
    advanced: true,
  }),
  micro_batch: f(int(0, 65_536).default(0), {
    group: 'optimizer',
    unit: 'puzzles',
    help: 'Puzzles computed at once: a larger batch is computed in parts and learns the same, with less memory. 0 takes as many as the device has memory for.',
    advanced: true,
  }),
  eager: f(z.boolean().default(false), {
    group: 'run',
    help: 'Run steps op by op instead of as a recorded graph: slower, always float32; for looking into a fault.',
    advanced: true,
  }),
});

export const TrainConfigSchema = z.strictObject({
  arch: ArchSchema.prefault({}),
  data_paths: f(z.array(z.string().min(1)).default([]), {
    group: 'data',
    help: 'Dataset folders to train on.',
    advanced: true,
  }),
  data_paths_test: f(z.array(z.string().min(1)).default([]), {
    group: 'data',
    help: 'Dataset folders whose test split is evaluated; empty means data_paths.',
    advanced: true,
  }),
  evaluators: f(z.array(EvaluatorSchema).default([{ name: 'arc@ARC' }]), {
    group: 'data',
    help: 'Evaluators of the reference (voting over augmentations); kept in the config, run by a later version.',
    advanced: true,
  }),
  global_batch_size: f(int(1, 65_536).default(768), {
    group: 'optimizer',
    unit: 'puzzles',
    help: 'Puzzles per optimizer step; memory and time per step grow with it.',
  }),
  epochs: f(int(1, 100_000_000).default(100_000), {
    group: 'schedule',
    unit: 'epochs',
    help: 'Passes over the puzzle groups; sets total steps, and so the learning-rate schedule.',
  }),
  lr: f(real(0, 1).default(1e-4), { group: 'optimizer', help: 'Peak learning rate of the network’s weights.' }),
  lr_min_ratio: f(real(0, 1).default(1), {
    group: 'optimizer',
    help: 'Final learning rate as a share of the peak (cosine); 1 keeps it constant after warm-up.',
  }),
  lr_warmup_steps: f(int(0, 10_000_000).default(2000), {
    group: 'optimizer',
    unit: 'steps',
    help: 'Steps over which the learning rate rises linearly from 0.',
  }),
  weight_decay: f(real(0, 100).default(0.1), {
    group: 'optimizer',
    help: 'Decoupled weight decay: each step multiplies the weights by 1 − lr · wd.',
  }),
  beta1: f(real(0, 0.999999).default(0.9), { group: 'optimizer', help: 'AdamATan2: decay of the mean gradient.' }),
  beta2: f(real(0, 0.999999).default(0.95), {
    group: 'optimizer',
    help: 'AdamATan2: decay of the mean squared gradient.',
  }),
  puzzle_emb_lr: f(real(0, 10).default(1e-2), {
    group: 'embedding',
    help: 'Learning rate of the puzzle embeddings (sign descent: this is the step of every number).',
  }),
  puzzle_emb_weight_decay: f(real(0, 100).default(0.1), {
    group: 'embedding',
    help: 'Weight decay of the embedding rows in the batch.',
  }),
  project_name: f(z.string().max(200).nullable().default(null), {
    group: 'run',
    help: 'Project name for exports.',
    advanced: true,
  }),
  run_name: f(z.string().max(200).nullable().default(null), { group: 'run', help: 'Name of the run.' }),
  load_checkpoint: f(z.string().nullable().default(null), {
    group: 'run',
    help: 'Start from these weights.',
    advanced: true,
  }),
  checkpoint_path: f(z.string().nullable().default(null), {
    group: 'run',
    help: 'Folder for checkpoints; empty means the studio’s own.',
    advanced: true,
  }),
  seed: f(int(0, 2 ** 31 - 1).default(0), {
    group: 'run',
    help: 'Seed of initial weights, data order and exploration. Same seed, same machine: same numbers.',
  }),
  checkpoint_every_eval: f(z.boolean().default(true), {
    group: 'schedule',
    help: 'Keep the checkpoint of every evaluation instead of the newest few only.',
  }),
  eval_interval: f(int(1, 100_000_000).nullable().default(10_000), {
    group: 'schedule',
    unit: 'epochs',
    help: 'Epochs between evaluations; must divide epochs. Empty evaluates once, at the end.',
  }),
  min_eval_interval: f(int(0, 100_000_000).nullable().default(0), {
    group: 'schedule',
    unit: 'evaluations',
    help: 'Leaves out this many evaluations at the start of a run (the reference counts intervals here, not epochs).',
    advanced: true,
  }),
  eval_save_outputs: f(z.array(z.string()).default([]), {
    group: 'run',
    help: 'Tensors the reference saves at evaluation.',
    advanced: true,
  }),
  ema: f(z.boolean().default(false), {
    group: 'optimizer',
    help: 'Keep an exponential moving average of the weights and evaluate with it.',
  }),
  ema_rate: f(real(0, 0.9999999).default(0.999), {
    group: 'optimizer',
    help: 'Share of the average kept at each step; 0.999 averages over about 1,000 steps.',
  }),
  freeze_weights: f(z.boolean().default(false), {
    group: 'embedding',
    help: 'Train only the puzzle embeddings, leaving the network as it is.',
  }),
  studio: StudioSchema.prefault({}),
});

export type TrainConfig = z.output<typeof TrainConfigSchema>;
export type TrainConfigInput = z.input<typeof TrainConfigSchema>;
export type ArchConfig = TrainConfig['arch'];

/** The config with nothing changed: the reference's defaults. */
export function defaultConfig(): TrainConfig {
  return TrainConfigSchema.parse({});
}
