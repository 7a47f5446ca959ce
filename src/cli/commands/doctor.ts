import type { Command } from 'commander';
import type { DoctorReport } from '../../shared/doctor';
import { toWireError } from '../../shared/errors';
import { appFiles } from '../../studio/app-files';
import { forkCompute } from '../../studio/compute-fork';
import { doctorReport } from '../../studio/doctor';
import { StudioEvents } from '../../studio/emitter';
import { resolveHome } from '../../studio/home';
import { silentLog } from '../../studio/log';
import type { Studio } from '../../studio/studio';
import { Supervisor } from '../../studio/supervisor/supervisor';
import { computeFile, openForCommand, type Globals } from '../open';
import { count, memory, print, printJson } from '../output';
import { EXIT } from '../usage';

const PROBE_DEADLINE_MS = 5000;

export function doctorCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('doctor')
    .description('what this machine offers and what is used of it, and how to get more')
    .option('--clean', 'remove the TensorFlow runtime that set-up keeps in the cache (needs the trm script)')
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Globals>();
      const report = await examine(options);
      if (options.json) printJson(report);
      else print(describe(report));
      exit(report.backend && report.home_error === null ? EXIT.ok : EXIT.failed);
    });
}

/** A home that cannot be opened is one finding among the others, not the end of the examination. */
async function examine(options: Globals): Promise<DoctorReport> {
  let studio: Studio;
  try {
    studio = await openForCommand(options);
  } catch (error) {
    const { message } = toWireError(error);
    const { version, runtimeReport: runtimeFile } = appFiles();
    const supervisor = new Supervisor(forkCompute(computeFile(), silentLog), silentLog, new StudioEvents());
    try {
      const home = resolveHome(options.home);
      return await doctorReport({ version, runtimeFile, home, homeError: message, sqliteVersion: null }, supervisor);
    } finally {
      await supervisor.close(PROBE_DEADLINE_MS);
    }
  }
  try {
    return await studio.dispatch('app.doctor', {});
  } finally {
    await studio.close();
  }
}

function describe(r: DoctorReport): string {
  const lines: [string, string][] = [
    ['TRM Studio', r.version],
    ['System', `${r.platform}, ${r.cpu}, ${r.cores} cores, ${memory(r.memory_bytes)} memory`],
    ['Node', r.electron ? `${r.node} in Electron ${r.electron}` : r.node],
    ['SQLite', r.sqlite_version ?? 'not tried: the home cannot be opened'],
    ['Home', `${r.home}${r.home_writable ? '' : ' (cannot be written)'}`],
    ...(r.home_error === null ? [] : [['', r.home_error] as [string, string]]),
  ];
  for (const { index, name, memory_bytes } of r.gpus) lines.push([`GPU ${index}`, `${name}, ${memory(memory_bytes)}`]);
  const { backend } = r;
  if (backend) {
    const room = backend.device_memory === null ? '' : `, ${memory(backend.device_memory)}`;
    lines.push(['Backend', `${backend.backend} ${backend.version} on ${backend.device}${room}`]);
    lines.push(['', `${count(backend.threads)} threads, ${backend.dtype}, ${backend.execution} steps`]);
    if (backend.why_not_better) lines.push(['Why not better', backend.why_not_better]);
  } else {
    lines.push(['Backend', `none: ${r.backend_error ?? 'unknown reason'}`]);
  }
  for (const rung of r.runtime?.rungs ?? []) lines.push([`Set-up: ${rung.rung}`, `${rung.status}: ${rung.reason}`]);
  for (const advice of r.advice) lines.push(['To do', advice]);
  const width = Math.max(...lines.map(([title]) => title.length));
  return lines.map(([title, text]) => `${title.padEnd(width)}  ${text}`).join('\n');
}
