/** `trm bench graph`: what TensorFlow would be given, for a device that need not be here. */
import { BENCH_NAMES, benchModel, type BenchName } from '../../core/bench/configs';
import type { Timing } from '../../core/bench/measure';
import type { Globals } from '../open';
import { bytes, count, print, printJson, table } from '../output';
import { byteSize, chosen, EXIT, UsageError, wholeNumber } from '../usage';
import { runOwn, type OwnJob } from './jobs';

export interface GraphOptions extends Globals {
  config?: string[];
  batch?: string;
  deviceMemory?: string;
  dtype?: string;
  measure?: boolean;
}

/** What three steps here hold, in a process of their own. */
async function heldBytes(config: BenchName, dtype: OwnJob['dtype'], batch: number): Promise<number> {
  const job = { what: 'step', config, execution: 'recorded', dtype, warm: 1, steps: 2, batch } as const;
  return (await runOwn<Timing>(job)).held_bytes ?? 0;
}

export async function benchGraph(options: GraphOptions): Promise<number> {
  const configs = chosen(options.config, BENCH_NAMES, '--config');
  const [dtype] = chosen(options.dtype ? [options.dtype] : undefined, ['bfloat16', 'float32'] as const, '--dtype');
  const batch = options.batch === undefined ? undefined : wholeNumber(options.batch, '--batch', 1, 65_536);
  const device =
    options.deviceMemory === undefined
      ? null
      : ({ kind: 'gpu', bytes: byteSize(options.deviceMemory, '--device-memory') } as const);
  if (device && options.measure) {
    throw new UsageError('--measure takes steps on this machine: leave --device-memory out.');
  }
  const { loadBackend } = await import('../../core/backend/load');
  const { planGraph } = await import('../../core/bench/graph');
  await loadBackend();
  const rows: string[][] = [];
  for (const config of configs) {
    const model = benchModel(config, dtype, batch);
    const { part, nodes, kernel_nodes, graph_bytes, record_s, peak_bytes, memory, fits } = planGraph(
      model.config,
      model.spec,
      device,
    );
    const size = model.config.global_batch_size;
    const measured = options.measure ? await heldBytes(config, dtype, size) : null;
    if (options.json) {
      const counted = { nodes, kernel_nodes, graph_bytes, record_s, micro_batch: part, peak_bytes, memory, fits };
      if (measured !== null) Object.assign(counted, { measured_bytes: measured });
      printJson({ config, batch: size, ...counted });
    }
    rows.push([
      config,
      ...[size, part, nodes, kernel_nodes].map(count),
      bytes(graph_bytes),
      `${record_s.toFixed(1)} s`,
      bytes(peak_bytes),
      ...(measured === null ? [] : [bytes(measured)]),
      fits ? 'yes' : 'no',
    ]);
  }
  const head = [
    'config',
    'batch',
    'at once',
    'nodes',
    'kernels',
    'graph',
    'recording',
    'memory',
    ...(options.measure ? ['measured'] : []),
    'fits',
  ];
  if (!options.json) print(table(head, rows, [1, 2, 3, 4, 5, 6, 7]));
  return EXIT.ok;
}
