import type { Command } from 'commander';
import { METRICS_FORMATS, type MetricsFormat } from '../../shared/contract/exports';
import { exportMetrics } from '../../studio/metrics/export';
import { findRun, withStudio, type Globals } from '../open';
import { bytes, printJson, say } from '../output';
import { UsageError } from '../usage';

interface ExportOptions extends Globals {
  format: string;
  out: string;
}

const isFormat = (text: string): text is MetricsFormat => (METRICS_FORMATS as readonly string[]).includes(text);

/** `trm runs export RUN --format csv --out FILE`: a run's metrics under the reference's names. */
export function runsExportCommand(runs: Command): void {
  runs
    .command('export')
    .description('the metrics of a run as CSV, JSON lines or TensorBoard events, under the reference’s names')
    .argument('<run>', 'id, the beginning of it, or name')
    .requiredOption('-f, --format <format>', METRICS_FORMATS.join(', '))
    .requiredOption('-o, --out <path>', 'the file; for tensorboard the folder of the run')
    .action((text: string, _o: unknown, command: Command) => {
      const { format, out, json, home } = command.optsWithGlobals<ExportOptions>();
      if (!isFormat(format)) throw new UsageError(`--format is ${format}: use ${METRICS_FORMATS.join(', ')}.`);
      return withStudio({ home, json }, async (studio) => {
        const written = await exportMetrics(studio.context.store, findRun(studio, text), format, out);
        if (json) printJson({ event: 'exported', format, ...written });
        say(`Wrote ${written.path} (${bytes(written.bytes)}).`);
      });
    });
}
