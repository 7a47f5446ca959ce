/**
 * Predictions made elsewhere, scored: safetensors, or what the reference saves (`step_N_all_preds.0` …, one file per
 * process), with `preds` [N, S], `inputs` [N, S], `puzzle_identifiers` [N] and, for ARC, `q_halt_logits` [N]. Rows may come
 * in any order and may repeat; rows of the blank identifier are padding in ARC.
 */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { makeFolders } from '../lib/folders';
import { StudioError } from '../../shared/errors';
import type { EvaluatedTask, EvaluationReport } from '../../shared/evaluation';
import { toFloat32, type Dtype } from '../checkpoint/formats/dtypes';
import { openTensorFile } from '../checkpoint/formats/open';
import type { TensorFile } from '../checkpoint/formats/tensor-file';
import { DatasetStore, type DatasetSplit } from '../data/store';
import { IGNORE_LABEL } from '../data/batch';
import { ArcVotes, readTestTasks } from './arc-votes';
import { arcResult, LISTED_EXAMPLES, listedExample, writeReport } from './report';

/** Rows read in one piece. */
const PIECE = 1024;

export interface ScoringHost {
  /** Asked between two pieces. */
  stopped(): boolean;
  progress(done: number, total: number): void;
}

/**
 * @param predictions files whose rows belong together
 * @param out folder for metrics.json, submission.json (ARC) and evaluation.json
 * @returns null if it was stopped
 * @throws StudioError `bad_input` where a file lacks something or does not fit the dataset
 */
export async function scorePredictions(
  predictions: readonly string[],
  dataset: string,
  out: string,
  host: ScoringHost,
): Promise<EvaluationReport | null> {
  const store = DatasetStore.open(dataset);
  const files: TensorFile[] = [];
  try {
    for (const path of predictions) files.push(openTensorFile(path));
    const started = performance.now();
    const split = store.split('test');
    const counts = files.map((file) => checkShapes(file, split));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const arc = store.kind === 'arc' ? arcVotesOf(files, store) : null;
    const scorer = new Scorer(split, arc, new Cells(total, store));
    let done = 0;
    for (const [i, file] of files.entries()) {
      for (let at = 0; at < counts[i]; at += PIECE) {
        const count = Math.min(PIECE, counts[i] - at);
        scorer.add(file, at, count);
        host.progress((done += count), total);
        await new Promise((turn) => setImmediate(turn));
        if (host.stopped()) return null;
      }
    }
    const { cells } = scorer;
    const names = store.identifiers();
    const result = arc && names ? arcResult(await readTestTasks(store.path), arc, names) : null;
    const report: EvaluationReport = {
      schema: 1,
      question: null,
      kind: store.kind,
      rows: store.rows,
      columns: store.columns,
      source: predictions.map((path) => resolve(path)).join(', '),
      dataset: resolve(dataset),
      options: null,
      step: null,
      examples: total,
      seconds: (performance.now() - started) / 1000,
      metrics: { ...result?.metrics, ...cells.metrics() },
      act_steps: [],
      by_views: result?.by_views ?? [],
      notes: [...cells.notes(), ...(result?.notes ?? [])],
      tasks: result?.tasks ?? cells.listed,
    };
    makeFolders(out);
    await writeReport(out, report, result?.submission ?? null);
    return report;
  } finally {
    for (const file of files) file.close();
    store.close();
  }
}

class Scorer {
  private readonly labels: LabelFinder;

  constructor(
    private readonly split: DatasetSplit,
    private readonly arc: ArcVotes | null,
    readonly cells: Cells,
  ) {
    this.labels = new LabelFinder(split);
  }

  /** Rows `first` … of a file. @throws StudioError `bad_input` for a q that is not a number */
  add(file: TensorFile, first: number, count: number): void {
    const { split, arc } = this;
    const { seq_len: S, blank_identifier_id: blank } = split.metadata;
    const tokens = (name: string): Int32Array =>
      toTokens(file.bytes(name, first, count), (file.tensors.get(name) as { dtype: Dtype }).dtype);
    const [inputs, preds, ids] = [tokens('inputs'), tokens('preds'), tokens('puzzle_identifiers')];
    const halting = file.tensors.get('q_halt_logits');
    const q = halting ? toFloat32(file.bytes('q_halt_logits', first, count), halting.dtype) : null;
    for (let i = 0; i < count; i++) {
      const [input, prediction] = [inputs, preds].map((all) => all.subarray(i * S, (i + 1) * S));
      if (arc && ids[i] === blank) continue;
      if (q && Number.isNaN(q[i])) throw notANumber(file.path, first + i);
      arc?.add(ids[i], input, prediction, q ? q[i] : 0);
      this.cells.add(this.labels.find(ids[i], input), input, prediction, q ? q[i] : 0);
    }
  }
}

function notANumber(path: string, row: number): StudioError {
  return new StudioError('bad_input', `${path}: q_halt_logits is not a number in row ${row}: predict again.`);
}

/** @returns the number of predictions */
function checkShapes({ path, tensors }: TensorFile, { metadata }: DatasetSplit): number {
  const S = metadata.seq_len;
  const names = [...tensors.keys()].join(', ') || 'nothing';
  const need = (name: string) => {
    const info = tensors.get(name);
    if (info) return info;
    throw new StudioError(
      'bad_input',
      `${path} has no tensor "${name}" (it has ${names}): save inputs, puzzle_identifiers, preds and q_halt_logits.`,
    );
  };
  const N = need('preds').shape[0] ?? 0;
  const wanted: [string, number[]][] = [
    ['preds', [N, S]],
    ['inputs', [N, S]],
    ['puzzle_identifiers', [N]],
  ];
  if (tensors.has('q_halt_logits')) wanted.push(['q_halt_logits', [N]]);
  for (const [name, shape] of wanted) {
    const found = need(name);
    if (found.shape.join() !== shape.join()) {
      throw new StudioError(
        'bad_input',
        `${path}: "${name}" has shape [${found.shape.join(', ')}], and the dataset needs [${shape.join(', ')}]: name the dataset that the predictions were made with.`,
      );
    }
    if (name !== 'q_halt_logits' && !TOKEN_TYPES.includes(found.dtype)) {
      throw new StudioError(
        'bad_input',
        `${path}: "${name}" is ${found.dtype}, and whole numbers are needed: save tokens.`,
      );
    }
  }
  return N;
}

function arcVotesOf(files: readonly TensorFile[], store: DatasetStore): ArcVotes {
  const without = files.find(({ tensors }) => !tensors.has('q_halt_logits'));
  if (without) {
    throw new StudioError(
      'bad_input',
      `${without.path} has no tensor "q_halt_logits", by which equal votes are ranked: save it too.`,
    );
  }
  const names = store.identifiers();
  if (!names) {
    throw new StudioError(
      'not_found',
      `identifiers.json is missing in ${store.path}: without it nobody knows which task a prediction is for; copy the whole folder.`,
    );
  }
  return new ArcVotes(names, store.columns);
}

/** PyTorch saves argmax as int64. */
const TOKEN_TYPES: readonly Dtype[] = ['I32', 'I64', 'U8'];

function toTokens(bytes: Uint8Array<ArrayBuffer>, dtype: Dtype): Int32Array {
  if (dtype === 'I32') return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  if (dtype === 'U8') return Int32Array.from(bytes);
  return Int32Array.from(Array.from(new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8), Number));
}

/** Finds the labels of a prediction: the next example of the test split as a rule, any other by its input otherwise. */
class LabelFinder {
  private next = 0;
  private byHash: Map<string, number> | null = null;
  private readonly input: Uint8Array;
  private readonly label: Uint8Array;

  constructor(private readonly split: DatasetSplit) {
    this.input = new Uint8Array(split.metadata.seq_len);
    this.label = new Uint8Array(split.metadata.seq_len);
  }

  /** The label tokens [S], −100 where there is none; null if the test split has no such example. */
  find(identifier: number, input: Int32Array): Int32Array | null {
    const { split } = this;
    if (this.next >= split.examples || !this.fits(this.next, identifier, input)) {
      this.byHash ??= this.hashAll();
      const found = this.byHash.get(hash(identifier, input));
      if (found === undefined) return null;
      this.fits(found, identifier, input);
      this.next = found;
    }
    this.next++;
    const ignore = split.metadata.ignore_label_id;
    return Int32Array.from(this.label, (l) => (l === ignore ? IGNORE_LABEL : l));
  }

  private fits(example: number, identifier: number, input: Int32Array): boolean {
    this.split.read(example, this.input, this.label);
    if (this.split.puzzleIdentifiers[this.split.puzzleOf(example)] !== identifier) return false;
    return this.input.every((token, s) => token === input[s]);
  }

  private hashAll(): Map<string, number> {
    const map = new Map<string, number>();
    for (let e = this.split.examples - 1; e >= 0; e--) {
      this.split.read(e, this.input, this.label);
      map.set(hash(this.split.puzzleIdentifiers[this.split.puzzleOf(e)], this.input), e);
    }
    return map;
  }
}

function hash(identifier: number, input: ArrayLike<number>): string {
  return createHash('sha256').update(`${identifier} `).update(Uint8Array.from(input)).digest('base64');
}

/** Cell and exact accuracy of the predictions whose labels are known, and the list of Sudokus and mazes. */
class Cells {
  readonly listed: EvaluatedTask[] = [];
  private count = 0;
  private accuracy = 0;
  private exact = 0;
  private seen = 0;
  private strangers = 0;

  constructor(
    private readonly N: number,
    private readonly store: DatasetStore,
  ) {}

  add(label: Int32Array | null, input: Int32Array, tokens: Int32Array, q_halt: number): void {
    const at = this.seen++;
    if (!label) {
      this.strangers++;
      return;
    }
    let [labelled, right] = [0, 0];
    for (let s = 0; s < label.length; s++) {
      if (label[s] === IGNORE_LABEL) continue;
      labelled++;
      if (label[s] === tokens[s]) right++;
    }
    if (labelled > 0) {
      this.count++;
      this.accuracy += right / labelled;
      if (right === labelled) this.exact++;
    }
    if (this.store.kind === 'arc' || this.listed.length >= LISTED_EXAMPLES) return;
    if (at < Math.floor((this.listed.length * this.N) / Math.min(LISTED_EXAMPLES, this.N))) return;
    this.listed.push(listedExample(`prediction ${at}`, this.store, { input, label, tokens, q_halt }));
  }

  metrics(): Record<string, number> {
    const { count } = this;
    return count ? { accuracy: this.accuracy / count, exact_accuracy: this.exact / count, count } : {};
  }

  notes(): string[] {
    if (this.strangers === 0) return [];
    return [
      `${this.strangers} of ${this.seen} predictions are for no example of the test split: their cells are not counted.`,
    ];
  }
}
