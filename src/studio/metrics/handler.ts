/** `exports.metrics`: to a path on the studio's machine, or into the hands of the window. */
import type { ExportedMetrics } from '../../shared/contract/exports';
import type { Parsed } from '../../shared/contract';
import { StudioError } from '../../shared/errors';
import type { RunRecord } from '../repositories/runs';
import type { Store } from '../store';
import { exportMetrics, metricPieces, metricsFileName } from './export';

/** As base64 in one message of the WebSocket this stays below the 64 MB that it carries. */
const MOST_BYTES = 45 * 2 ** 20;

/** @throws StudioError `too_large` where the file is too big to be handed over; as `exportMetrics` */
export async function handleExport(
  store: Store,
  run: RunRecord,
  { format, path }: Parsed<'exports.metrics'>,
): Promise<ExportedMetrics> {
  const name = metricsFileName(run, format);
  if (path !== null) return { ...(await exportMetrics(store, run, format, path)), name, content: null };
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of metricPieces(store, run, format)) {
    bytes += piece.byteLength;
    if (bytes > MOST_BYTES) {
      throw new StudioError(
        'too_large',
        `The metrics of ${run.name} are more than ${MOST_BYTES / 2 ** 20} MB as ${format}: give a path on the studio’s machine instead.`,
      );
    }
    pieces.push(piece);
  }
  return { path: null, name, bytes, content: new Uint8Array(Buffer.concat(pieces)) };
}
