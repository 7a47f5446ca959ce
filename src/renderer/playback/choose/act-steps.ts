/** The field of ACT steps as it was typed: null for the config's own, NaN with a sentence for what is no number of them. */
export function parseActSteps(text: string): { value: number | null; fault: string | null } {
  const typed = text.trim();
  if (typed === '') return { value: null, fault: null };
  const n = Number(typed);
  if (Number.isInteger(n) && n >= 1 && n <= 256) return { value: n, fault: null };
  return { value: NaN, fault: `ACT steps is "${text}": use a whole number from 1 to 256.` };
}
