/** What `trm train` says while it trains: a progress line for people on stderr, or events for programs on stdout. */
import type { CheckpointInfo, RunSummary } from '../shared/contract/runs';
import type { Events } from '../shared/contract';
import type { JobStatus } from '../shared/jobs';
import type { MetricBatch } from '../shared/metrics';
import type { RunRecord } from '../studio/repositories/runs';
import { runDetail } from '../studio/runs/summary';
import type { Studio } from '../studio/studio';
import { count, decimal, duration, percent, printJson, say } from './output';
import { ProgressLine } from './progress';

/** ` (max_minutes of 5 reached)`; empty where its epochs ended it. */
function limitReached({ config, step, seconds }: RunRecord): string {
  const { max_steps, max_minutes } = config.studio;
  if (max_steps > 0 && step >= max_steps) return ` (max_steps of ${count(max_steps)} reached)`;
  if (max_minutes > 0 && seconds >= max_minutes * 60) return ` (max_minutes of ${max_minutes} reached)`;
  return '';
}

export class TrainingReport {
  private readonly progress = new ProgressLine();
  private readonly off: (() => void)[];
  private started = false;
  private last = '';

  constructor(
    private readonly studio: Studio,
    private readonly run: string,
    private readonly json: boolean,
  ) {
    const { events } = studio;
    const mine =
      <T extends { run: string }>(act: (payload: T) => void) =>
      (payload: T) => {
        if (payload.run === run) act(payload);
      };
    this.off = [
      events.on('dataset.progress', (p) =>
        this.progress.update(
          p.done,
          p.total,
          `Building the dataset: ${count(p.done)} of ${count(p.total)} ${p.what}`,
          p.seconds_left,
        ),
      ),
      events.on('run.changed', (summary) => summary.id === run && this.changed(summary)),
      events.on(
        'run.metrics',
        mine<Events['run.metrics']>(({ batch }) => this.metrics(batch)),
      ),
      events.on(
        'run.checkpoint',
        mine<CheckpointInfo>((c) => this.checkpoint(c)),
      ),
      events.on(
        'run.event',
        mine<Events['run.event']>((e) => {
          this.last = e.message;
          this.progress.line(e.level === 'info' ? e.message : `${e.level}: ${e.message}`);
        }),
      ),
    ];
  }

  /** Says how it ended. @returns the run's status */
  end(): JobStatus {
    for (const off of this.off) off();
    this.progress.clear();
    const run = this.studio.runs.get(this.run);
    const reason = run.reason === null ? {} : { reason: run.reason };
    if (this.json) printJson({ event: 'done', run: run.id, status: run.status, step: run.step, ...reason });
    // An event that could not be stored on a full disk was not told either.
    if (run.status === 'failed' && run.reason !== null && run.reason !== this.last) say(`error: ${run.reason}`);
    const exact = run.last_exact_accuracy === null ? '' : `, exact accuracy ${percent(run.last_exact_accuracy)}`;
    const limit = run.status === 'done' ? limitReached(run) : '';
    const again = run.status === 'done' ? '' : ` Continue with: trm train --resume ${run.id}`;
    say(
      `${run.name} (${run.id}) is ${run.status} at step ${count(run.step)} of ${count(run.total_steps)}${limit}${exact}.${again}`,
    );
    return run.status;
  }

  private changed(run: RunSummary): void {
    if (
      !this.started &&
      run.status === 'running' &&
      run.total_steps > 0 &&
      this.studio.context.supervisor.state().backend
    ) {
      this.started = true;
      const { backend, config, parameters } = runDetail(this.studio.context.store, this.studio.runs.get(this.run));
      if (this.json) printJson({ event: 'started', run: this.run, backend, config });
      const on = backend ? ` on ${backend.device} (${backend.backend} ${backend.version})` : '';
      this.progress.line(
        `Run ${run.name} (${run.id}): ${count(run.total_steps)} steps, ${count(parameters ?? 0)} parameters${on}.`,
      );
    }
    if (run.status !== 'running' || !run.steps_per_s) return;
    const facts = [
      `step ${count(run.step)} of ${count(run.total_steps)}`,
      `${run.steps_per_s.toFixed(run.steps_per_s < 10 ? 2 : 0)} steps/s`,
      `loss ${decimal(run.last_lm_loss)}`,
      ...(run.last_exact_accuracy === null ? [] : [`exact ${percent(run.last_exact_accuracy)}`]),
    ];
    this.progress.update(run.step, run.total_steps, facts.join('  '), (run.total_steps - run.step) / run.steps_per_s);
  }

  private metrics(batch: MetricBatch): void {
    const names = Object.keys(batch.values);
    if (names.some((name) => name.startsWith('machine/'))) return;
    const evaluation = names.some((name) => name.startsWith('eval/'));
    batch.steps.forEach((step, i) => {
      // A metric without a value at this step (no row halted) is left out.
      const values = Object.fromEntries(
        names
          .map((name) => [name.replace('eval/', ''), batch.values[name][i]] as const)
          .filter(([, value]) => Number.isFinite(value)),
      );
      if (this.json) printJson({ event: evaluation ? 'evaluation' : 'metrics', step, ...values });
      if (evaluation) {
        this.progress.line(
          `step ${count(step)}: exact accuracy ${percent(values.exact_accuracy ?? null)}, accuracy ${percent(values.accuracy ?? null)}, after ${duration(batch.seconds[i])}`,
        );
      }
    });
  }

  private checkpoint({ step, path, sha256 }: CheckpointInfo): void {
    if (this.json) printJson({ event: 'checkpoint', step, path, sha256 });
  }
}
