/**
 * The values of hydra's override grammar that a config can hold: null, booleans, numbers, quoted and bare strings,
 * lists and dictionaries. Source: hydra's OverrideParser.g4. Not taken: interpolations, sweeps, functions.
 */
export type HydraValue = null | boolean | number | string | HydraValue[] | { [key: string]: HydraValue };

/** @throws Error with a short reason */
export function parseHydraValue(text: string): HydraValue {
  const reader = new Reader(text.trim());
  const value = reader.value('');
  reader.end();
  return value;
}

const MOST_DEPTH = 32;
const NUMBER = /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

class Reader {
  private at = 0;
  private depth = 0;

  constructor(private readonly text: string) {}

  /** @param stops characters that end a bare word here: those of the list or dictionary around it. */
  value(stops: string): HydraValue {
    this.space();
    const c = this.text[this.at];
    if (c === '[' || c === '{') {
      if (++this.depth > MOST_DEPTH) throw new Error(`it is nested more than ${MOST_DEPTH} levels deep`);
      const value = c === '[' ? this.list() : this.dictionary();
      this.depth--;
      return value;
    }
    if (c === '"' || c === "'") return this.quoted(c);
    return bare(this.word(stops));
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) throw new Error(`unexpected "${this.rest()}" at its end`);
  }

  private list(): HydraValue[] {
    const items: HydraValue[] = [];
    this.at++;
    for (;;) {
      this.space();
      if (this.take(']')) return items;
      if (items.length) {
        this.need(',', 'a comma or ]');
        this.space();
        if (this.take(']')) return items;
      }
      items.push(this.value(',]'));
    }
  }

  private dictionary(): { [key: string]: HydraValue } {
    const entries: [string, HydraValue][] = [];
    this.at++;
    for (;;) {
      this.space();
      if (this.take('}')) return Object.fromEntries(entries);
      if (entries.length) this.need(',', 'a comma or }');
      this.space();
      const c = this.text[this.at];
      const key = c === '"' || c === "'" ? this.quoted(c) : this.word(':,}');
      this.space();
      this.need(':', 'a colon');
      entries.push([key, this.value(',}')]);
    }
  }

  private quoted(quote: string): string {
    let out = '';
    for (this.at++; this.at < this.text.length; this.at++) {
      const c = this.text[this.at];
      if (c === '\\' && (this.text[this.at + 1] === quote || this.text[this.at + 1] === '\\'))
        out += this.text[++this.at];
      else if (c === quote) {
        this.at++;
        return out;
      } else out += c;
    }
    throw new Error(`the ${quote} is not closed`);
  }

  private word(stops: string): string {
    const start = this.at;
    while (this.at < this.text.length && !stops.includes(this.text[this.at])) this.at++;
    const word = this.text.slice(start, this.at).trim();
    if (word === '' && stops !== '') throw new Error('a value is missing');
    return word;
  }

  /** What follows, cut where it is long. */
  private rest(): string {
    const rest = this.text.slice(this.at);
    return rest.length > 60 ? `${rest.slice(0, 59)}…` : rest;
  }

  private space(): void {
    while (this.text[this.at] === ' ' || this.text[this.at] === '\t') this.at++;
  }

  private take(c: string): boolean {
    if (this.text[this.at] !== c) return false;
    this.at++;
    return true;
  }

  private need(c: string, what: string): void {
    if (!this.take(c))
      throw new Error(`${what} is missing${this.at < this.text.length ? ` before "${this.rest()}"` : ' at its end'}`);
  }
}

function bare(word: string): HydraValue {
  const lower = word.toLowerCase();
  if (lower === 'null') return null;
  if (lower === 'true') return true;
  if (lower === 'false') return false;
  return NUMBER.test(word) ? Number(word.replace(/_/g, '')) : word;
}
