/**
 * Metrics under the names that the reference logs to W&B: `train/lm_loss` …, and the evaluation's under the name of the
 * test set, `all.exact_accuracy` … (W&B joins the nested names with a dot). The store has them without `train/`, and behind
 * `eval/`.
 */
export function referenceName(stored: string): string {
  if (stored.startsWith('eval/')) return `all.${stored.slice('eval/'.length)}`;
  return stored.includes('/') ? stored : `train/${stored}`;
}

/** The way back, for metrics that were logged elsewhere. */
export function storedName(logged: string): string {
  const evaluation = /^all[./](.+)$/.exec(logged)?.[1];
  if (evaluation !== undefined) return `eval/${evaluation}`;
  return logged.startsWith('train/') ? logged.slice('train/'.length) : logged;
}
