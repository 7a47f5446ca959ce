import type { Command } from '../kernel/commands';

/** Commands that fit the query, best first; every word must occur. Stable, so that the empty query keeps the order. */
export function rank(commands: readonly Command[], query: string): Command[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [...commands];
  return commands
    .map((command) => ({ command, score: words.reduce((sum, word) => sum + scoreOf(command, word), 0) }))
    .filter(({ score }) => Number.isFinite(score))
    .sort((a, b) => a.score - b.score)
    .map(({ command }) => command);
}

/** 0 for a title that starts with the word, growing with looser fits; Infinity for none. */
function scoreOf(command: Command, word: string): number {
  const title = command.title.toLowerCase();
  if (title.startsWith(word)) return 0;
  if (title.split(/[\s:–-]+/).some((part) => part.startsWith(word))) return 1;
  if (title.includes(word)) return 2;
  if (`${command.keywords ?? ''} ${command.group}`.toLowerCase().includes(word)) return 3;
  return Infinity;
}
