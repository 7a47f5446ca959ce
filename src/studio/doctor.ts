import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type as osType } from 'node:os';
import type { DoctorReport, RuntimeReport } from '../shared/doctor';
import type { Context } from './context';
import { isWritable } from './home';
import { coreCount } from './supervisor/env';

/**
 * What the machine offers and what is used of it. Loads the backend in the compute process.
 * @param runtimeFile Set-up's report (node_modules/.trm/runtime.json), or null where there is none.
 */
export async function doctorReport(
  context: Context,
  version: string,
  runtimeFile: string | null,
): Promise<DoctorReport> {
  const runtime = readRuntime(runtimeFile);
  const { backend, error } = await context.supervisor.probe();
  const advice = (runtime?.rungs ?? [])
    .filter((r) => r.status !== 'taken' && r.fix !== null)
    .map((r) => r.fix as string);
  if (!backend && !runtime) advice.push('Run npm run setup, which gets TensorFlow and reports what it did.');
  return {
    version,
    platform: `${osType()} ${release()} ${process.arch}`,
    node: process.versions.node,
    electron: process.versions.electron ?? null,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: coreCount(),
    memory_bytes: totalmem(),
    home: context.home.root,
    home_writable: isWritable(context.home.root),
    sqlite_version: (context.store.db.prepare('SELECT sqlite_version() AS v').get() as { v: string }).v,
    backend,
    backend_error: error,
    runtime,
    advice: [...new Set(advice)],
  };
}

function readRuntime(file: string | null): RuntimeReport | null {
  if (file === null) return null;
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as RuntimeReport;
    return report.schema === 1 ? report : null;
  } catch {
    return null;
  }
}
