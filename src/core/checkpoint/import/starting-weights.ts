/**
 * `load_checkpoint`: the weights of any checkpoint as the start of a run. The model has to be the same, which is checked
 * with both values before anything is computed; embedding rows follow puzzle names.
 */
import { reads } from '../../../shared/architectures';
import type { ArchConfig, TrainConfig } from '../../../shared/config';
import { StudioError } from '../../../shared/errors';
import type { IdentifierTable } from '../../data/identifiers';
import type { ModelSpec } from '../../model/architecture';
import { canvasColumns } from '../../model/positions';
import { architectureOf } from '../../model/registry';
import { meanRow, plannedRows, planRows } from './embedding-rows';
import { refuseMisfit } from './fit';
import { openModelSource, type ModelSource } from './model-source';
import { notFinite } from '../formats/not-finite';

/** Keys of `arch` that decide what a weight means; the others (exploration, number format, loss) may differ. */
const MEANING = [
  'name', 'hidden_size', 'num_heads', 'expansion', 'L_layers', 'H_layers', 'H_cycles', 'L_cycles', 'pos_encodings',
  'mlp_t', 'puzzle_emb_ndim', 'puzzle_emb_len', 'no_ACT_continue',
] as const satisfies readonly (keyof ArchConfig)[]; // prettier-ignore

/** The first key in which two models differ in a way that matters to either, or null. */
export function differingKey(a: ArchConfig, b: ArchConfig): (typeof MEANING)[number] | null {
  return MEANING.find((key) => (key === 'name' || reads(a.name, key)) && a[key] !== b[key]) ?? null;
}

export interface StartingWeights {
  weights: Map<string, Float32Array>;
  /** [num_puzzle_identifiers, puzzle_emb_ndim]; null without puzzle embeddings. */
  embedding: Float32Array | null;
  notes: string[];
}

/**
 * @param names of the run's embedding rows, where they are known
 * @param blank the row of the blank puzzle
 * @throws StudioError `bad_input` with both values where the model, the canvas or the vocabulary differ
 */
export function startingWeights(
  path: string,
  config: TrainConfig,
  spec: ModelSpec,
  names: IdentifierTable | null,
  blank: number,
): StartingWeights {
  const source = openModelSource(path);
  try {
    const notes = [...(source.config?.notes ?? [])];
    if (source.config) refuseOtherModel(source, config, spec);
    else notes.push(unsaid(path, config.arch));
    refuseMisfit(source, spec, 'this run');
    const weights = new Map<string, Float32Array>();
    for (const { name } of architectureOf(config.arch.name).parameters(spec)) {
      const values = source.float32(name);
      const odd = notFinite(values);
      if (odd) notes.push(`${path}: ${odd} of the numbers in ${name} are NaN or infinite.`);
      weights.set(name, values);
    }
    const table = source.table();
    if (!table) return { weights, embedding: null, notes };
    const plan = planRows({
      source: { rows: table.rows, names: source.names?.table ?? null },
      target: { rows: spec.num_puzzle_identifiers, names, blank },
    });
    notes.push(`load_checkpoint: ${plan.sentence}`);
    const embedding = new Float32Array(plan.total * table.width);
    let mean: Float32Array | null = null;
    let at = 0;
    for (const piece of plannedRows(table, plan, () => (mean ??= meanRow(table)))) {
      embedding.set(piece, at);
      at += piece.length;
    }
    return { weights, embedding, notes };
  } finally {
    source.close();
  }
}

function refuseOtherModel(source: ModelSource, config: TrainConfig, spec: ModelSpec): void {
  const theirs = (source.config as NonNullable<ModelSource['config']>).config.arch;
  const key = differingKey(config.arch, theirs);
  const refuse = (what: string, ours: unknown, other: unknown): never => {
    throw new StudioError(
      'bad_input',
      `${what} is ${JSON.stringify(ours)} here and ${JSON.stringify(other)} in load_checkpoint ${source.path}: use the same model, or start without it.`,
    );
  };
  if (key) refuse(`arch.${key}`, config.arch[key], theirs[key]);
  if (!source.meta) return;
  if (source.meta.vocab_size !== spec.vocab_size) refuse('vocab_size', spec.vocab_size, source.meta.vocab_size);
  // Without learned positions the weights serve any canvas, but what they learned is of theirs.
  if (source.meta.seq_len !== spec.seq_len) {
    refuse('the canvas (seq_len)', spec.seq_len, source.meta.seq_len);
  }
  if (config.arch.pos_encodings === 'rope2d' && source.meta.columns !== canvasColumns(spec)) {
    refuse('the number of columns', canvasColumns(spec), source.meta.columns);
  }
}

function unsaid(path: string, arch: ArchConfig): string {
  const keys = (['H_cycles', 'L_cycles', 'num_heads'] as const).filter((key) => reads(arch.name, key));
  const values = keys.map((key) => `${key} ${arch[key]}`).join(', ');
  return `No all_config.yaml lies next to ${path}: ${values} are taken from this run, and the weights cannot contradict them.`;
}
