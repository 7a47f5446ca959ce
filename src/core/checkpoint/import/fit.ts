/** Whether a checkpoint's tensors are those of a model: what is missing, what is too much, which shapes differ. */
import type { ArchConfig } from '../../../shared/config';
import { StudioError } from '../../../shared/errors';
import type { ModelSpec } from '../../model/architecture';
import { architectureOf } from '../../model/registry';
import { factsOf } from './infer';
import { TABLE, type ModelSource } from './model-source';
import { isWeightDtype } from '../formats/dtypes';
import { shown } from '../formats/tensor-file';

/** Names in one sentence; all of them are in the error's data. */
const LISTED = 8;

export interface Misfit {
  missing: string[];
  unexpected: string[];
  shapes: { name: string; file: readonly number[]; model: readonly number[] }[];
}

/** The model's tensors with their shapes, the table with whatever number of rows the checkpoint has. */
function expectedShapes(spec: ModelSpec, source: ModelSource): Map<string, readonly number[]> {
  const parameters = architectureOf(spec.arch.name).parameters(spec);
  const shapes = new Map<string, readonly number[]>(parameters.map(({ name, shape }) => [name, shape]));
  const width = spec.arch.puzzle_emb_ndim;
  if (width) shapes.set(TABLE, [source.tensors.get(TABLE)?.shape[0] ?? spec.num_puzzle_identifiers, width]);
  return shapes;
}

export function misfitOf(source: ModelSource, spec: ModelSpec): Misfit {
  const expected = expectedShapes(spec, source);
  const misfit: Misfit = { missing: [], unexpected: [], shapes: [] };
  for (const [name, model] of expected) {
    const file = source.tensors.get(name)?.shape;
    if (!file) misfit.missing.push(name);
    else if (file.join() !== model.join()) misfit.shapes.push({ name, file, model });
  }
  for (const name of source.tensors.keys()) if (!expected.has(name)) misfit.unexpected.push(name);
  return misfit;
}

/**
 * @param by what says that the model is this one, for the sentence: a path, or "the run"
 * @throws StudioError `bad_input`: both values of the first key that the weights contradict, else the tensors by name
 */
export function refuseMisfit(source: ModelSource, spec: ModelSpec, by: string): void {
  const misfit = misfitOf(source, spec);
  const { missing, unexpected, shapes } = misfit;
  if (missing.length || unexpected.length || shapes.length) {
    const key = contradicted(source, spec);
    const sentence = key ?? listed(misfit);
    throw new StudioError(
      'bad_input',
      `${source.path} does not fit ${by}: ${sentence}. Use the config and data that it was trained with.`,
      { ...misfit },
    );
  }
  for (const name of source.tensors.keys()) {
    const { dtype } = source.tensors.get(name) ?? { dtype: 'F32' };
    if (!isWeightDtype(dtype)) {
      throw new StudioError(
        'bad_input',
        `${source.path}: "${name}" holds ${dtype} and not floating-point numbers, so it is not a weight.`,
      );
    }
  }
}

function listed({ missing, unexpected, shapes }: Misfit): string {
  const names = (list: readonly string[]) =>
    list.slice(0, LISTED).join(', ') + (list.length > LISTED ? ` and ${list.length - LISTED} more` : '');
  return [
    ...(missing.length ? [`it lacks ${names(missing)}`] : []),
    ...(unexpected.length ? [`it has ${names(unexpected)}, which the model does not`] : []),
    ...shapes
      .slice(0, LISTED)
      .map(({ name, file, model }) => `${name} is ${shown(file)} in the file and ${shown(model)} in the model`),
  ].join('; ');
}

/** The first setting that the tensors themselves contradict, with both values. */
function contradicted(source: ModelSource, spec: ModelSpec): string | null {
  const facts = factsOf(source);
  if (!facts) return null;
  const { arch } = spec;
  const says = (key: string, theirs: unknown, ours: unknown): string | null =>
    theirs === undefined || theirs === null || theirs === ours
      ? null
      : `${key} is ${JSON.stringify(ours)} there and ${JSON.stringify(theirs)} in its weights`;
  const keys: (keyof ArchConfig & keyof typeof facts.arch)[] = [
    'name',
    'hidden_size',
    'L_layers',
    'H_layers',
    'mlp_t',
    'puzzle_emb_ndim',
  ];
  for (const key of keys) {
    const sentence = says(`arch.${key}`, facts.arch[key], arch[key]);
    if (sentence) return sentence;
  }
  return says('the vocabulary (vocab_size)', facts.vocab_size, spec.vocab_size) ?? sequence(source, spec, facts.tokens);
}

/** Learned positions and the MLP over the sequence fix the number of tokens: cells and puzzle prefix together. */
function sequence(source: ModelSource, spec: ModelSpec, tokens: number | null): string | null {
  const { shapes } = misfitOf(source, spec);
  const hit = shapes.find(({ name }) => /embed_pos|mlp_t/.test(name));
  if (!hit || tokens === null) return null;
  return `the canvas has ${spec.seq_len} cells there, and its weights are for ${tokens} tokens, cells and puzzle prefix together (${hit.name} is ${shown(hit.file)} in the file and ${shown(hit.model)} in the model)`;
}
