import type { DoctorReport } from '@shared/doctor';
import { formatMemory } from '../ui/format';

/** The report as text, for a bug report. */
export function reportText(report: DoctorReport): string {
  const { backend, runtime } = report;
  const lines = [
    `TRM Studio ${report.version} on ${report.platform}`,
    `Node ${report.node}${report.electron ? `, Electron ${report.electron}` : ''}, SQLite ${report.sqlite_version ?? 'not opened'}`,
    `${report.cpu}, ${report.cores} cores, ${formatMemory(report.memory_bytes)}`,
    `Home ${report.home}${report.home_writable ? '' : ' (read-only)'}`,
    backend
      ? `${backend.backend} ${backend.version} on ${backend.device}, ${backend.threads} threads, ${backend.execution}, ${backend.dtype}`
      : `No backend: ${report.backend_error ?? 'not looked for yet'}`,
  ];
  if (backend?.why_not_better) lines.push(backend.why_not_better);
  for (const rung of runtime?.rungs ?? []) lines.push(`${rung.rung}: ${rung.status}: ${rung.reason}`);
  for (const advice of report.advice) lines.push(`To do: ${advice}`);
  return lines.join('\n');
}
