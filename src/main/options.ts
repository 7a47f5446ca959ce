/**
 * The studio home asked for on the command line, `--home DIR` or `--home=DIR`, as written; undefined if there is none.
 * The last of several wins, as with other tools. Chromium's own switches among the arguments are passed over.
 */
export function homeOption(argv: readonly string[]): string | undefined {
  let home: string | undefined;
  for (let i = 0; i < argv.length; i++) {
    if (argv[i].startsWith('--home=')) home = argv[i].slice('--home='.length) || home;
    else if (argv[i] === '--home' && argv[i + 1] && !argv[i + 1].startsWith('--')) home = argv[++i];
  }
  return home;
}
