/** `trm parity DIR`: the PyTorch reference's traces against this machine's own numbers. */
import type { Command } from 'commander';
import type { CaseOutcome } from '../../core/parity/folder';
import type { ParityResult } from '../../core/parity/run';
import type { Finding, Kind } from '../../core/parity/measure';
import type { Globals } from '../open';
import { print, printJson, say } from '../output';
import { EXIT, UsageError } from '../usage';

interface ParityOptions extends Globals {
  backend?: string;
  eager?: boolean;
}

export function parityCommand(program: Command, exit: (code: number) => void): void {
  program
    .command('parity')
    .description('run every trace of the PyTorch reference under a folder and tell the largest error of each kind')
    .argument('<dir>', 'a folder of cases, or one case')
    .option('--backend <name>', 'tensorflow or wasm; the best there is if not given')
    .option('--eager', 'run steps op by op instead of as a recorded graph')
    .addHelpText(
      'after',
      `
A case is a folder with config.json, weights.safetensors, train.safetensors, metrics.json and eval.safetensors.
Exit code 1 if a case lies past its tolerance or cannot be run.`,
    )
    .action(async (dir: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<ParityOptions>();
      exit((await runParity(dir, options)) ? EXIT.ok : EXIT.failed);
    });
}

async function runParity(dir: string, { backend, json, eager }: ParityOptions): Promise<boolean> {
  if (backend !== undefined) {
    if (backend !== 'tensorflow' && backend !== 'wasm') {
      throw new UsageError(`--backend is ${backend}: use tensorflow or wasm.`);
    }
    process.env.TRM_BACKEND = backend;
  }
  // TensorFlow reads its settings while it loads, and no other command wants it in this process.
  const { loadBackend } = await import('../../core/backend/load');
  const { findCases, passed, runCases } = await import('../../core/parity/folder');
  const cases = await findCases(dir);
  const info = await loadBackend();
  const how = eager || info.execution === 'eager' ? 'op by op' : 'recorded';
  say(`${cases.length} ${cases.length === 1 ? 'case' : 'cases'} on ${info.backend} ${info.version}, ${how}, float32`);
  const width = Math.max(...cases.map(({ name }) => name.length));
  const road = eager ? 'eager' : undefined;
  const report = (outcome: CaseOutcome) => {
    const good = passed(outcome);
    if (json) printJson(record(outcome, good, info.backend));
    else print(line(outcome, good, width));
  };
  return runCases(dir, report, road);
}

function record({ name, result, error }: CaseOutcome, good: boolean, backend: string) {
  const findings = (from: { entries(): [Kind, Finding][] }) => Object.fromEntries(from.entries());
  return {
    event: 'case',
    case: name,
    passed: good,
    backend,
    error,
    ...(result && {
      steps: result.steps,
      act_steps: result.acts,
      errors: findings(result.findings),
      failed: result.findings.failed(),
      restarted: result.restarted && {
        noise: result.restarted.noise,
        errors_before: findings(result.restarted.findings),
      },
      notes: result.notes,
    }),
  };
}

const label = (kind: Kind): string => kind.replace(/^(.*)_(later|off)$/, '$1 $2').replace('_', ' ');

function line({ name, result, error }: CaseOutcome, good: boolean, width: number): string {
  const head = `${name.padEnd(width)}  ${good ? 'ok    ' : 'FAILED'}`;
  if (!result) return `${head}  ${error}`;
  const failed = new Set(result.findings.failed());
  const parts = result.findings.entries().map(([kind, finding]) => {
    const text = `${label(kind)} ${figure(kind, finding.error)}`;
    return failed.has(kind) ? `${text} (past ${figure(kind, finding.tolerance)} at ${finding.at})` : text;
  });
  if (!parts.length) parts.push('nothing to compare');
  return `${head}  ${[...parts, ...[...result.notes, ...restarted(result)].map((note) => `(${note})`)].join('  ')}`;
}

function restarted({ restarted }: ParityResult): string[] {
  if (!restarted) return [];
  const { noise, findings } = restarted;
  const was = findings.failed().map((kind) => `${label(kind)} ${figure(kind, findings.get(kind)?.error)}`);
  const signs = `${noise.length} ${noise.length === 1 ? 'weight' : 'weights'} had gone the other way on rounding noise`;
  return [`steps after the first from the reference's state, ${signs}; on our own: ${was.join(', ')}`];
}

/** Shares as percent, decisions as the same or not, everything else as a power of ten. */
function figure(kind: Kind, value = 0): string {
  if (kind.endsWith('_off')) return `${(value * 100).toFixed(3)}%`;
  if (kind === 'halting') return value === 0 ? 'same' : 'differs';
  return value === 0 ? '0' : value.toExponential(1);
}
