/** The way back: values as hydra reads them, words as a shell does. */

/** A word that any POSIX shell leaves as it is. */
export function shellWord(word: string): string {
  return /^[\w.,=@%+/:-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A config value behind `KEY=`. */
export function hydraText(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return `[${value.map(hydraText).join(',')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return `{${entries.map(([key, item]) => `${key}:${hydraText(item)}`).join(',')}}`;
  }
  if (typeof value !== 'string') return String(value);
  // What reads as a word and as nothing else; all other text is quoted, its quotes and backslashes escaped.
  if (/^[A-Za-z_/][\w./@-]*$/.test(value) && !/^(null|true|false)$/i.test(value)) return value;
  return `"${value.replace(/(["\\])/g, '\\$1')}"`;
}
