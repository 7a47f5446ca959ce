/**
 * The reference's own command lines, pasted whole: `torchrun --nproc-per-node 4 … pretrain.py arch=trm …`. What starts the
 * program is left out, what it is told stays. Sources: the reference's README, torchrun's and hydra's usage.
 */
import { StudioError } from '../errors';
import { shellCommands } from './shell';

export interface PastedCommand {
  /** `--preset NAME` of a command line of ours. */
  preset: string | null;
  /** `KEY=VALUE`, `+KEY=VALUE`, `~KEY`. */
  overrides: string[];
  /** What was left out and matters, in sentences. */
  notes: string[];
}

const SCRIPT = /(^|[\\/])pretrain\.py$/;
const LAUNCHER = /(^|[\\/])(python[\d.]*|torchrun|accelerate|deepspeed|srun|mpirun|env|nohup|time|uv|poetry)$/;
const ENVIRONMENT = /^[A-Z_][A-Z0-9_]*=/;

/** Whether one argument is a whole command in quotes, or several lines. */
const isText = (argument: string): boolean => /pretrain\.py(\s|$)/.test(argument) && /\s/.test(argument.trim());

/**
 * The words of a command line that a shell has already split, from the first of the launcher to the script taken out.
 * @throws StudioError `bad_input` for hydra's flags that mean another config or several runs
 */
export function withoutLauncher(words: readonly string[]): { words: string[]; notes: string[] } {
  // A blank alone is a backslash whose line end got lost in pasting.
  const all = words.flatMap((word) => (isText(word) ? pastedWords(word) : [word])).filter((w) => w.trim() !== '');
  const script = all.findIndex((word) => SCRIPT.test(word));
  if (script < 0) return { words: all, notes: [] };
  const first = all.findIndex((word) => LAUNCHER.test(word) || ENVIRONMENT.test(word));
  const head = first >= 0 && first < script ? all.slice(first, script) : [];
  const rest = [...all.slice(0, script - head.length), ...withoutFlags(all.slice(script + 1))];
  return { words: rest, notes: processNote(head) };
}

/** Text from the clipboard: a command, or overrides alone, on one line or many. @throws StudioError `bad_input` */
export function pastedCommand(text: string): PastedCommand {
  const { words, notes } = withoutLauncher(pastedWords(text));
  const ours = words.findIndex((word, i) => word === 'train' && (i === 0 || /^(trm|--)$/.test(words[i - 1])));
  const overrides: string[] = [];
  let preset: string | null = null;
  for (let i = ours + 1; i < words.length; i++) {
    const [flag, value] = words[i].split('=', 2);
    if (flag === '--preset' || flag === '-p') preset = value ?? words[++i] ?? '';
    else if (words[i].startsWith('-')) {
      throw new StudioError('bad_input', `${flag} is no override: paste KEY=VALUE, such as arch.L_cycles=4.`);
    } else overrides.push(words[i]);
  }
  return { preset, overrides, notes };
}

/** With a launcher in it, the text's other lines only set variables; without one, all of it is overrides. */
function pastedWords(text: string): string[] {
  const commands = shellCommands(text);
  const launched = commands.filter((words) => words.some((word) => SCRIPT.test(word)));
  if (launched.length > 1) {
    throw new StudioError('bad_input', `The text holds ${launched.length} training commands: paste one of them.`);
  }
  return launched[0] ?? commands.flat();
}

/** Hydra's own flags behind the script. Its config name is the reference's only one. */
function withoutFlags(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const [flag, value] = words[i].split('=', 2);
    if (flag === '--config-name' || flag === '-cn') {
      const name = value ?? words[++i] ?? '';
      if (name.replace(/\.ya?ml$/, '') !== 'cfg_pretrain') {
        throw new StudioError(
          'bad_input',
          `${flag} ${name} is another config than the reference’s cfg_pretrain: give its values as KEY=VALUE, or a run’s all_config.yaml with --config.`,
        );
      }
    } else if (flag === '-m' || flag === '--multirun') {
      throw new StudioError(
        'bad_input',
        `${flag} starts several runs: give one value for each key, and start one run.`,
      );
    } else kept.push(words[i]);
  }
  return kept;
}

function processNote(head: readonly string[]): string[] {
  const at = head.findIndex((word) => /^--nproc[-_]per[-_]node\b/.test(word));
  const count = at < 0 ? '' : (head[at].split('=')[1] ?? head[at + 1]);
  if (at < 0 || count === '1') return [];
  return [
    `The command is for ${count} processes; here one process computes the whole of global_batch_size, with the same result.`,
  ];
}
