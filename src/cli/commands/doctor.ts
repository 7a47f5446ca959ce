import type { Command } from 'commander';
import type { DoctorReport } from '../../shared/doctor';
import { withStudio, type Globals } from '../open';
import { bytes, count, print, printJson } from '../output';
import { EXIT } from '../usage';

export function doctorCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('doctor')
    .description('what this machine offers and what is used of it, and how to get more')
    .option('--clean', 'remove the TensorFlow runtime that set-up keeps in the cache (needs the trm script)')
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Globals>();
      const report = await withStudio(options, (studio) => studio.dispatch('app.doctor', {}));
      if (options.json) printJson(report);
      else print(describe(report));
      exit(report.backend ? EXIT.ok : EXIT.failed);
    });
}

function describe(r: DoctorReport): string {
  const lines: [string, string][] = [
    ['TRM Studio', r.version],
    ['System', `${r.platform}, ${r.cpu}, ${r.cores} cores, ${bytes(r.memory_bytes)} memory`],
    ['Node', r.electron ? `${r.node} in Electron ${r.electron}` : r.node],
    ['SQLite', r.sqlite_version],
    ['Home', `${r.home}${r.home_writable ? '' : ' (cannot be written)'}`],
  ];
  const { backend } = r;
  if (backend) {
    const memory = backend.device_memory === null ? '' : `, ${bytes(backend.device_memory)}`;
    lines.push(['Backend', `${backend.backend} ${backend.version} on ${backend.device}${memory}`]);
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
