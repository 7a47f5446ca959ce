import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type as osType } from 'node:os';
import type { DoctorReport, RuntimeReport } from '../shared/doctor';
import { listGpus } from './gpus';
import { isWritable } from './home';
import type { Supervisor } from './supervisor/supervisor';

export interface Patient {
  version: string;
  /** Set-up's report (node_modules/.trm/runtime.json), or null where there is none. */
  runtimeFile: string | null;
  /** The home folder, and the sentence that says why it cannot be used. */
  home: string;
  homeError: string | null;
  /** Null where the database could not be opened. */
  sqliteVersion: string | null;
}

/** What the machine offers and what is used of it. Loads the backend in the compute process. */
export async function doctorReport(patient: Patient, supervisor: Pick<Supervisor, 'probe'>): Promise<DoctorReport> {
  const runtime = readRuntime(patient.runtimeFile);
  const [{ backend, error }, gpus] = await Promise.all([supervisor.probe(), listGpus()]);
  const advice = (runtime?.rungs ?? [])
    .filter((r) => r.status !== 'taken' && r.fix !== null)
    .map((r) => r.fix as string);
  if (!backend && !runtime) advice.push('Run npm run setup, which gets TensorFlow and reports what it did.');
  return {
    version: patient.version,
    platform: `${osType()} ${release()} ${process.arch}`,
    node: process.versions.node,
    electron: process.versions.electron ?? null,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory_bytes: totalmem(),
    gpus,
    home: patient.home,
    home_writable: isWritable(patient.home),
    home_error: patient.homeError,
    sqlite_version: patient.sqliteVersion,
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
