/** The known name that a mistyped one was most likely meant to be, or null if none is close. */
export function nearest(name: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestCost = Infinity;
  const tail = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  for (const candidate of known) {
    // A key given without its group ("L_cycles") is as close as a slip in the group's name.
    const candidateTail = candidate.slice(candidate.lastIndexOf('.') + 1).toLowerCase();
    const cost = Math.min(
      editDistance(name.toLowerCase(), candidate.toLowerCase()),
      editDistance(tail, candidateTail) + 0.5,
    );
    if (cost < bestCost) [best, bestCost] = [candidate, cost];
  }
  return bestCost <= Math.max(1.5, tail.length / 3) ? best : null;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
