/** What a checkpoint's tensors say about its model, and a config made of that where no all_config.yaml stands beside it. */
import { ARCHITECTURES, swigluWidth, type ArchName } from '../../../shared/architectures';
import { TrainConfigSchema, type ArchConfig, type TrainConfig } from '../../../shared/config';
import { TABLE, type ModelSource } from './model-source';

export interface WeightFacts {
  arch: Partial<
    Pick<ArchConfig, 'name' | 'hidden_size' | 'L_layers' | 'H_layers' | 'mlp_t' | 'puzzle_emb_ndim' | 'pos_encodings'>
  >;
  vocab_size: number;
  /** Cells and puzzle prefix together, where a tensor fixes them. */
  tokens: number | null;
  /** Hidden width of the SwiGLU over features. */
  inner: number | null;
}

const SHORT: Record<string, ArchName> = Object.fromEntries(
  Object.entries(ARCHITECTURES).map(([name, { preset }]) => [preset, name as ArchName]),
);

/** Null if it has no token embedding: then it is no model of these. */
export function factsOf({ tensors }: Pick<ModelSource, 'tensors'>): WeightFacts | null {
  const shape = (name: string): readonly number[] | undefined => tensors.get(name)?.shape;
  const embedding = shape('embed_tokens.embedding_weight');
  if (embedding?.length !== 2) return null;
  const layers = (level: string): number => {
    let n = 0;
    while (shape(`${level}.layers.${n}.mlp.down_proj.weight`)) n++;
    return n;
  };
  const [L_layers, H_layers] = [layers('L_level'), layers('H_level')];
  const level = L_layers ? 'L_level' : 'H_level';
  const mixer = shape(`${level}.layers.0.mlp_t.down_proj.weight`);
  const positions = shape('embed_pos.embedding_weight');
  return {
    arch: {
      name: nameOf(L_layers, H_layers, tensors),
      hidden_size: embedding[1],
      ...(L_layers ? { L_layers } : {}),
      ...(H_layers ? { H_layers } : {}),
      mlp_t: mixer !== undefined,
      puzzle_emb_ndim: shape(TABLE)?.[1] ?? 0,
      ...(positions ? { pos_encodings: 'learned' as const } : {}),
    },
    vocab_size: embedding[0],
    tokens: mixer?.[0] ?? positions?.[0] ?? null,
    inner: shape(`${level}.layers.0.mlp.down_proj.weight`)?.[1] ?? null,
  };
}

function nameOf(L: number, H: number, tensors: ModelSource['tensors']): ArchName {
  if (L && H) return SHORT.hrm;
  if (H) return SHORT.transformers_baseline;
  if (tensors.has('L1_init')) return SHORT.trm_hier6;
  return tensors.has('H_init') ? SHORT.trm : SHORT.trm_singlez;
}

export interface Assumption {
  /** Dotted key of the config. */
  key: string;
  value: unknown;
  why: string;
}

export interface Inferred {
  config: TrainConfig;
  assumed: Assumption[];
}

/**
 * A config for weights alone. Shapes fix the architecture and its sizes; how often the levels run, and how many heads the
 * attention has, leave no trace in them and are assumed.
 * @param seqLen cells, where a dataset says them
 */
export function inferConfig(facts: WeightFacts, seqLen: number | null): Inferred {
  const name = facts.arch.name as ArchName;
  const base = TrainConfigSchema.parse({ arch: { name, ...ARCHITECTURES[name].preset_values } });
  const arch: ArchConfig = { ...base.arch, ...facts.arch };
  const assumed: Assumption[] = [];
  const assume = (key: keyof ArchConfig, value: unknown, why: string): void => {
    Object.assign(arch, { [key]: value });
    assumed.push({ key: `arch.${key}`, value, why });
  };
  const ignored = ARCHITECTURES[name].ignores;
  const traceless = 'the weights do not show it';
  if (!ignored.includes('H_cycles')) assume('H_cycles', arch.H_cycles, `${traceless}; the published runs use 3`);
  if (!ignored.includes('L_cycles')) {
    assume('L_cycles', arch.L_cycles, `${traceless}; the published runs use 4 for ARC and mazes, 6 for Sudoku`);
  }
  assume('halt_max_steps', arch.halt_max_steps, traceless);
  if (!facts.arch.mlp_t) {
    const D = arch.hidden_size;
    const heads = [arch.num_heads, 8, 4, 2, 1].find((n) => D % n === 0 && (D / n) % 2 === 0) ?? 1;
    assume('num_heads', heads, `${traceless}; the reference uses 8`);
    if (arch.pos_encodings !== 'learned') assume('pos_encodings', 'rope', `${traceless}; the reference uses rope`);
  }
  const { inner, tokens } = facts;
  if (inner !== null && swigluWidth(arch.hidden_size, arch.expansion) !== inner) {
    assume('expansion', (inner * 3) / (2 * arch.hidden_size), `the SwiGLU is ${inner} wide`);
  }
  if (arch.puzzle_emb_ndim && !ignored.includes('puzzle_emb_len')) {
    if (tokens !== null && seqLen !== null && tokens > seqLen) {
      assume('puzzle_emb_len', tokens - seqLen, `${tokens} tokens are ${seqLen} cells and a prefix`);
    } else assume('puzzle_emb_len', arch.puzzle_emb_len, `${traceless}; the reference uses 16`);
  }
  return { config: { ...base, arch }, assumed };
}
