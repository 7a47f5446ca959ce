/**
 * A checkpoint on a split of a dataset: every example through all ACT steps, ARC's predictions voted on, scores written.
 * Resumable: progress is saved between batches, and a killed evaluation goes on to the same result.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeFolders } from '../lib/folders';
import { StudioError } from '../../shared/errors';
import type { EvaluatedTask, EvaluationPlan, EvaluationReport } from '../../shared/evaluation';
import { currentDevice } from '../backend/device';
import { handleUse } from '../backend/native';
import { Votes } from '../arc/voting';
import type { Batch } from '../data/batch';
import { MergedSplit, spreadExamples } from '../data/merged';
import { DatasetStore, type DatasetSplit } from '../data/store';
import { totalLength } from '../model/architecture';
import { ArcVotes, readTestTasks } from './arc-votes';
import { evaluateBatch, type ActStep } from '../act/batch';
import { CellSums } from '../act/cell-sums';
import { EmbeddingRows, openAnyModel, type AnyModel } from './any-model';
import { OutputsFile } from './outputs-file';
import { Paths } from '../act/paths';
import { ProgressFile } from './progress';
import { arcResult, FILES, LISTED_EXAMPLES, listedExample, readReport, writeReport } from './report';
import { readVotes, writeVotes } from './votes-file';

export interface EvaluationHost {
  /** Asked between two batches. */
  stopped(): boolean;
  progress(done: number, total: number): void;
}

/** @returns null if it was stopped; progress is saved then. @throws StudioError where something does not fit */
export async function evaluateCheckpoint(plan: EvaluationPlan, host: EvaluationHost): Promise<EvaluationReport | null> {
  const store = DatasetStore.open(plan.data_path);
  let open: AnyModel | null = null;
  let outputs: OutputsFile | null = null;
  try {
    store.split(plan.split);
    open = await openAnyModel(plan.checkpoint, plan.weights, store, plan.split);
    const work = await Work.begin(plan, store, open);
    if (work.finished) return work.finished;
    const { N, S, V } = work;
    if (plan.save_outputs.length > 0) {
      const path = join(plan.out, FILES.outputs);
      outputs = await OutputsFile.open(path, plan.save_outputs, { N, S, V }, work.done > 0);
    }
    if (!(await work.run(host, outputs))) return null;
    await outputs?.finish();
    return await work.finish();
  } finally {
    await outputs?.close();
    open?.dispose();
    store.close();
  }
}

class Work {
  done = 0;
  /** The report of an equal evaluation that is finished already. */
  finished: EvaluationReport | null = null;
  private seconds = 0;
  private arc: ArcVotes | null = null;
  private listed: EvaluatedTask[] = [];
  private readonly notes: string[] = [];
  private pooled: unknown[] = [];
  private readonly paths: Paths | null;

  private constructor(
    private readonly plan: EvaluationPlan,
    private readonly store: DatasetStore,
    private readonly open: AnyModel,
    private readonly split: DatasetSplit,
    private readonly examples: Int32Array,
    private readonly embedding: EmbeddingRows | null,
    private readonly question: Record<string, unknown>,
    private readonly progress: ProgressFile,
    private readonly cells: CellSums,
    private readonly batchSize: number,
  ) {
    this.paths = plan.rollouts ? new Paths(open.model.net.spec, plan.rollouts) : null;
  }

  get N(): number {
    return this.examples.length;
  }

  get S(): number {
    return this.split.metadata.seq_len;
  }

  get V(): number {
    return this.split.metadata.vocab_size;
  }

  static async begin(plan: EvaluationPlan, store: DatasetStore, open: AnyModel): Promise<Work> {
    const { arch } = open.model.net.spec;
    const split = store.split(plan.split);
    const examples = chooseExamples(split, plan.augmentations);
    const actSteps = plan.act_steps ?? arch.halt_max_steps;
    // Rows, of which each example takes one for every path.
    const rows = plan.batch_size ?? defaultBatch(open);
    const batchSize = Math.min(examples.length, Math.max(1, Math.floor(rows / (plan.rollouts?.paths ?? 1))));
    const question = {
      checkpoint: open.identity,
      dataset: resolve(plan.data_path),
      split: plan.split,
      examples: examples.length,
      augmentations: plan.augmentations,
      weights: plan.weights,
      act_steps: actSteps,
      batch_size: batchSize,
      save_outputs: [...plan.save_outputs].sort(),
      pool_votes: plan.pool_votes,
      ...(plan.rollouts && { rollouts: plan.rollouts }),
    };
    const embedding = EmbeddingRows.match(open.source, store, plan.split);
    const progress = new ProgressFile(plan.out, plan.save_every_s);
    const cells = new CellSums(actSteps);
    const work = new Work(plan, store, open, split, examples, embedding, question, progress, cells, batchSize);
    await work.prepare();
    return work;
  }

  private async prepare(): Promise<void> {
    const { plan, store, progress } = this;
    makeFolders(plan.out);
    if (plan.resume && !progress.exists && existsSync(join(plan.out, FILES.report))) {
      const report = await readReport(plan.out);
      if (JSON.stringify(report.question) === JSON.stringify(this.question)) {
        this.finished = report;
        return;
      }
    }
    const votesOn = store.kind === 'arc' && plan.split === 'test' && existsSync(join(store.path, 'test_puzzles.json'));
    const names = store.identifiers();
    let votes = new Votes();
    if (progress.exists) {
      if (!plan.resume) {
        throw new StudioError(
          'conflict',
          `${plan.out} holds an unfinished evaluation: continue it with --resume, or choose another folder.`,
        );
      }
      const saved = await progress.restore(this.question, this.cells);
      ({ votes } = saved);
      this.done = saved.done;
      this.seconds = saved.seconds;
      this.listed = saved.listed;
      this.pooled = saved.pooled;
      if (saved.rollouts) this.paths?.sums.restore(saved.rollouts);
    } else if (votesOn && plan.pool_votes && existsSync(join(plan.out, FILES.votes))) {
      votes = await this.earlierVotes();
    }
    if (votesOn && names) this.arc = new ArcVotes(names, store.columns, votes);
    this.notes.push(...this.open.notes, ...(this.embedding?.notes ?? []));
  }

  /** Those that lie in `out`; the same evaluation twice would count twice. */
  private async earlierVotes(): Promise<Votes> {
    const path = join(this.plan.out, FILES.votes);
    const { votes, about } = await readVotes(path);
    this.pooled = (about as { evaluations: Record<string, unknown>[] }).evaluations;
    const key = (q: unknown): string => {
      const { checkpoint, weights, act_steps } = q as Record<string, unknown>;
      return JSON.stringify([checkpoint, weights, act_steps]);
    };
    if (this.pooled.some((q) => key(q) === key(this.question))) {
      throw new StudioError(
        'conflict',
        `${path} holds the votes of this very checkpoint already, and they would count twice: evaluate without pooling, or choose another folder.`,
      );
    }
    return votes;
  }

  /** @returns false if it was stopped */
  async run(host: EvaluationHost, outputs: OutputsFile | null): Promise<boolean> {
    const { split, examples, batchSize } = this;
    const merged = new MergedSplit([{ split, renumbering: null }], split.metadata.num_puzzle_identifiers);
    host.progress(this.done, this.N);
    while (this.done < this.N) {
      const started = performance.now();
      const end = Math.min(this.done + batchSize, this.N);
      const batch = merged.batch(examples.subarray(this.done, end), batchSize);
      const last = this.answer(batch);
      this.take(batch, last);
      await outputs?.write(this.done, batch, batch.puzzle_identifiers, last);
      this.done = end;
      this.seconds += (performance.now() - started) / 1000;
      host.progress(this.done, this.N);
      await new Promise((resolve) => setImmediate(resolve));
      const stopped = host.stopped() && this.done < this.N;
      if (stopped || (this.progress.due() && this.done < this.N)) await this.save(outputs);
      if (stopped) return false;
      if (usedUp()) await this.recycle(outputs);
    }
    return true;
  }

  /** What the model says at last; of several paths, the chosen one. The sums by step are of the one without noise. */
  private answer(batch: Batch): ActStep {
    const { cells, open, paths, examples, done } = this;
    const logits = this.plan.save_outputs.includes('logits');
    // By its number in the split: the same noise whatever batch an example comes in.
    const { rows, noise } = paths?.start(batch, (b) => examples[done + b] ?? -1) ?? { rows: batch, noise: undefined };
    const { embedded, puzzles } = this.embed(rows);
    const steps = evaluateBatch(open.model, puzzles, embedded, cells.actSteps, { logits, noise });
    const { plain, answer } = paths?.settle(steps, batch) ?? { plain: steps, answer: steps[steps.length - 1] };
    cells.add(plain, batch);
    return answer;
  }

  private async save(outputs: OutputsFile | null): Promise<void> {
    await outputs?.sync();
    const { question, done, seconds, cells, listed } = this;
    const votes = this.arc?.votes ?? new Votes();
    const rollouts = this.paths?.sums.save();
    await this.progress.save({ question, pooled: this.pooled, done, seconds, votes, cells, listed, rollouts });
  }

  private async recycle(outputs: OutputsFile | null): Promise<never> {
    await this.save(outputs);
    throw new StudioError(
      'unavailable',
      'This compute process has used up its tensor handles. The evaluation is saved: continue it in a new process.',
      { recycle: true },
    );
  }

  /** The batch with an embedding of its own rows. */
  private embed(batch: Batch) {
    const puzzles = this.embedding ? this.embedding.gather(batch.puzzle_identifiers) : null;
    const puzzle_identifiers = Int32Array.from({ length: batch.size }, (_, b) => b);
    return { puzzles, embedded: puzzles ? { ...batch, puzzle_identifiers } : batch };
  }

  private take(batch: Batch, last: ActStep): void {
    const { S, arc, split } = this;
    for (let b = 0; b < batch.filled; b++) {
      const input = batch.inputs.subarray(b * S, (b + 1) * S);
      const tokens = last.tokens.subarray(b * S, (b + 1) * S);
      const identifier = batch.puzzle_identifiers[b];
      if (arc && identifier !== split.metadata.blank_identifier_id) arc.add(identifier, input, tokens, last.q_halt[b]);
      if (this.store.kind !== 'arc') this.list(this.done + b, batch, b, tokens, last.q_halt[b]);
    }
  }

  /** Keeps a Sudoku or a maze for the list, evenly spread over the examples. */
  private list(at: number, batch: Batch, b: number, tokens: Int32Array, q: number): void {
    const spread = Math.floor((this.listed.length * this.N) / Math.min(LISTED_EXAMPLES, this.N));
    if (at !== spread) return;
    const { S, store } = this;
    const { rows, columns } = store;
    const example = { split: this.plan.split, index: this.examples[at] };
    this.listed.push(
      listedExample(
        store.puzzleName(example),
        { rows, columns },
        {
          input: batch.inputs.subarray(b * S, (b + 1) * S),
          label: batch.labels.subarray(b * S, (b + 1) * S),
          tokens,
          q_halt: q,
        },
      ),
    );
  }

  async finish(): Promise<EvaluationReport> {
    const { plan, store, cells, arc } = this;
    const names = store.identifiers();
    const result = arc && names ? arcResult(await readTestTasks(store.path), arc, names) : null;
    if (arc) {
      const evaluations = [...this.pooled, this.question];
      await writeVotes(join(plan.out, FILES.votes), arc.votes, { evaluations });
    }
    const pooled = this.pooled.length;
    const report: EvaluationReport = {
      schema: 1,
      question: this.question,
      kind: store.kind,
      rows: store.rows,
      columns: store.columns,
      source: resolve(plan.checkpoint),
      dataset: resolve(plan.data_path),
      options: {
        split: plan.split,
        weights: plan.weights,
        act_steps: cells.actSteps,
        augmentations: plan.augmentations,
        rollouts: plan.rollouts ?? null,
      },
      step: this.open.source.step,
      examples: this.N,
      seconds: this.seconds,
      metrics: { ...result?.metrics, ...cells.metrics(), ...this.paths?.sums.metrics() },
      act_steps: cells.bySteps(),
      by_views: result?.by_views ?? [],
      notes: [
        ...this.notes,
        ...(pooled ? [`The votes of ${pooled} earlier evaluation${pooled > 1 ? 's are' : ' is'} counted too.`] : []),
        ...(result?.notes ?? []),
      ],
      tasks: result?.tasks ?? this.listed,
    };
    await writeReport(plan.out, report, result?.submission ?? null);
    await rm(join(plan.out, FILES.progress), { force: true });
    return report;
  }
}

/** All examples, or those of each group's first `augmentations` + 1 puzzles: the task as it is comes first. */
function chooseExamples(
  { groupIndices, puzzleIndices, examples }: DatasetSplit,
  augmentations: number | null,
): Int32Array {
  if (augmentations === null) return spreadExamples(examples, 0);
  const chosen: number[] = [];
  for (let g = 0; g + 1 < groupIndices.length; g++) {
    const end = Math.min(groupIndices[g + 1], groupIndices[g] + 1 + augmentations);
    for (let e = puzzleIndices[groupIndices[g]]; e < puzzleIndices[end]; e++) chosen.push(e);
  }
  return Int32Array.from(chosen);
}

/** Tokens per batch: enough to keep the cores busy, few enough that a stop is heard soon and memory stays small. */
const TOKENS = { cpu: 8192, gpu: 262_144 };
/** A GPU with less memory than this takes fewer. */
const GPU_BYTES = 80e9;

function defaultBatch({ model }: AnyModel): number {
  const { kind, bytes } = currentDevice();
  const tokens = kind === 'gpu' ? TOKENS.gpu * Math.min(1, bytes / GPU_BYTES) : TOKENS.cpu;
  return Math.max(1, Math.floor(tokens / totalLength(model.net.spec)));
}

/** Whether this process can number no more tensors. */
const usedUp = (): boolean => handleUse() > 1;
