import type { ExportRequest } from '../../../shared/checkpoint';
import { IDENTIFIERS } from '../../data/identifiers';
import { ALL_CONFIG } from '../import/all-config';

/** What an export writes into its folder, and which of it comes last: where that is, the rest is. */
export function exportedNames(step: number, format: ExportRequest['format']): { names: string[]; last: string } {
  const last = `step_${step}${format === 'safetensors' ? '.safetensors' : ''}`;
  return { names: [ALL_CONFIG, IDENTIFIERS, last], last };
}
