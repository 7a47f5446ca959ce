/**
 * Predictions made elsewhere, scored: a safetensors file with `preds` [N, S], `inputs` [N, S], `puzzle_identifiers` [N] and,
 * for ARC, `q_halt_logits` [N]. Rows may come in any order and may repeat; rows of the blank identifier are padding in ARC.
 */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { StudioError } from '../../shared/errors';
import type { EvaluatedTask, EvaluationReport } from '../../shared/evaluation';
import { SafetensorsFile, type TensorData } from '../checkpoint/safetensors';
import { DatasetStore, type DatasetSplit } from '../data/store';
import { IGNORE_LABEL } from '../data/batch';
import { ArcVotes, readTestTasks } from './arc-votes';
import { arcResult, LISTED_EXAMPLES, listedExample, writeReport } from './report';

/** Rows read in one piece. */
const PIECE = 1024;

/** Where predictions come from: rows are read piece by piece. */
export interface PredictionSource {
  path: string;
  /** Shape by tensor name. */
  shapes: ReadonlyMap<string, readonly number[]>;
  rows(name: string, first: number, count: number): Promise<TensorData>;
  close(): Promise<void>;
}

/** @throws StudioError `damaged` if it is no safetensors file */
export async function openPredictions(path: string): Promise<PredictionSource> {
  const file = await SafetensorsFile.open(path);
  return {
    path,
    shapes: new Map([...file.header.tensors].map(([name, { shape }]) => [name, shape])),
    rows: (name, first, count) => file.rows(name, first, count),
    close: () => file.close(),
  };
}

export interface ScoringHost {
  /** Asked between two pieces. */
  stopped(): boolean;
  progress(done: number, total: number): void;
}

/**
 * @param out folder for metrics.json, submission.json (ARC) and evaluation.json
 * @returns null if it was stopped
 * @throws StudioError `bad_input` where the file lacks something or does not fit the dataset
 */
export async function scorePredictions(
  predictions: string,
  dataset: string,
  out: string,
  host: ScoringHost,
): Promise<EvaluationReport | null> {
  const store = DatasetStore.open(dataset);
  let source: PredictionSource | null = null;
  try {
    source = await openPredictions(predictions);
    const started = Date.now();
    const split = store.split('test');
    const N = checkShapes(source, split);
    const arc = store.kind === 'arc' ? arcVotesOf(source, store) : null;
    const labels = new LabelFinder(split);
    const cells = new Cells(N, store);
    for (let at = 0; at < N; at += PIECE) {
      const count = Math.min(PIECE, N - at);
      const read = async (name: string) => (source as PredictionSource).rows(name, at, count);
      const S = split.metadata.seq_len;
      const [inputs, preds] = [toTokens(await read('inputs')), toTokens(await read('preds'))];
      const ids = toTokens(await read('puzzle_identifiers'));
      const q = source.shapes.has('q_halt_logits') ? ((await read('q_halt_logits')) as Float32Array) : null;
      for (let i = 0; i < count; i++) {
        const [input, tokens] = [inputs.subarray(i * S, (i + 1) * S), preds.subarray(i * S, (i + 1) * S)];
        if (arc && ids[i] === split.metadata.blank_identifier_id) continue;
        if (q && Number.isNaN(q[i])) throw notANumber(predictions, at + i);
        arc?.add(ids[i], input, tokens, q ? q[i] : 0);
        cells.add(labels.find(ids[i], input), input, tokens, q ? q[i] : 0);
      }
      host.progress(at + count, N);
      await new Promise((resolveTurn) => setImmediate(resolveTurn));
      if (host.stopped()) return null;
    }
    const names = store.identifiers();
    const result = arc && names ? arcResult(await readTestTasks(store.path), arc, names) : null;
    const report: EvaluationReport = {
      schema: 1,
      question: null,
      kind: store.kind,
      rows: store.rows,
      columns: store.columns,
      source: resolve(predictions),
      dataset: resolve(dataset),
      options: null,
      step: null,
      examples: N,
      seconds: (Date.now() - started) / 1000,
      metrics: { ...result?.metrics, ...cells.metrics() },
      act_steps: [],
      by_views: result?.by_views ?? [],
      notes: [...cells.notes(), ...(result?.notes ?? [])],
      tasks: result?.tasks ?? cells.listed,
    };
    await mkdir(out, { recursive: true });
    await writeReport(out, report, result?.submission ?? null);
    return report;
  } finally {
    await source?.close();
    store.close();
  }
}

function notANumber(path: string, row: number): StudioError {
  return new StudioError('bad_input', `${path}: q_halt_logits is not a number in row ${row}: predict again.`);
}

/** @returns the number of predictions */
function checkShapes({ path, shapes }: PredictionSource, { metadata }: DatasetSplit): number {
  const S = metadata.seq_len;
  const names = [...shapes.keys()].join(', ') || 'nothing';
  const need = (name: string): readonly number[] => {
    const shape = shapes.get(name);
    if (shape) return shape;
    throw new StudioError(
      'bad_input',
      `${path} has no tensor "${name}" (it has ${names}): save inputs, puzzle_identifiers, preds and q_halt_logits.`,
    );
  };
  const N = need('preds')[0];
  const wanted: [string, number[]][] = [
    ['preds', [N, S]],
    ['inputs', [N, S]],
    ['puzzle_identifiers', [N]],
  ];
  if (shapes.has('q_halt_logits')) wanted.push(['q_halt_logits', [N]]);
  for (const [name, shape] of wanted) {
    const found = need(name);
    if (found.join() === shape.join()) continue;
    throw new StudioError(
      'bad_input',
      `${path}: "${name}" has shape [${found.join(', ')}], and the dataset needs [${shape.join(', ')}]: name the dataset that the predictions were made with.`,
    );
  }
  return N;
}

function arcVotesOf({ path, shapes }: PredictionSource, store: DatasetStore): ArcVotes {
  if (!shapes.has('q_halt_logits')) {
    throw new StudioError(
      'bad_input',
      `${path} has no tensor "q_halt_logits", by which equal votes are ranked: save it too.`,
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
function toTokens(data: TensorData): Int32Array {
  return data instanceof Int32Array ? data : Int32Array.from(data as ArrayLike<number | bigint>, Number);
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
