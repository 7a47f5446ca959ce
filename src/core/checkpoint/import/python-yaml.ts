/**
 * YAML as PyYAML writes it (`yaml.dump` of plain data) and as people edit it: read into plain values, written so that
 * `yaml.safe_load` gives the same back. YAML 1.1, as PyYAML has it: `yes` is a boolean there, and `1e-4` without a dot a
 * string, so floats are written as `1.0e-04` is.
 */
import { isAlias, isMap, isScalar, isSeq, parseDocument, type Document, type Node } from 'yaml';
import { StudioError } from '../../../shared/errors';

export type YamlValue = null | boolean | number | string | YamlValue[] | { [key: string]: YamlValue };

/** A config is a page of text; what is longer is something else, and reading it would only take time. */
const MOST_CHARACTERS = 200_000;
const MOST_NODES = 20_000;
const MOST_DEPTH = 40;
/** Duplicate keys are looked for here: the parser's own check takes time that grows with the square of the file. */
const PARSER = { version: '1.1', prettyErrors: false, logLevel: 'silent', uniqueKeys: false } as const;

/**
 * @param name what the sentences call the file
 * @throws StudioError `bad_input` or `too_large`
 */
export function readYaml(text: string, name: string): YamlValue {
  if (text.length > MOST_CHARACTERS) {
    throw new StudioError(
      'too_large',
      `${name} has ${text.length.toLocaleString('en-US')} characters, far more than a config: choose the right file.`,
    );
  }
  let document: Document;
  try {
    document = parseDocument(text, PARSER);
  } catch {
    throw refuse(name, 'is no YAML that can be read');
  }
  const [fault] = document.errors;
  if (fault) {
    const line = text.slice(0, fault.pos[0]).split('\n').length;
    const what = fault.message.split('\n')[0].replace(/[.:]?\s*$/, '');
    throw refuse(name, `is no YAML, line ${line}: ${what}`);
  }
  return new Walker(name, document).value(document.contents as Node | null, 0);
}

const refuse = (name: string, why: string): StudioError =>
  new StudioError('bad_input', `${name} ${why}. Take the file as the training run wrote it.`);

/** From the syntax tree to plain values, with counts held: aliases can make a small file mean a huge one. */
class Walker {
  private nodes = 0;
  private readonly open = new Set<Node>();

  constructor(
    private readonly name: string,
    private readonly document: Document,
  ) {}

  value(node: Node | null | undefined, depth: number): YamlValue {
    if (++this.nodes > MOST_NODES || depth > MOST_DEPTH) {
      throw refuse(this.name, 'unfolds into far more than a config holds (aliases within aliases?)');
    }
    if (!node) return null;
    if (isAlias(node)) {
      const target = node.resolve(this.document);
      if (!target) throw refuse(this.name, `names *${node.source}, which it does not define`);
      if (this.open.has(target)) throw refuse(this.name, `holds *${node.source}, which contains itself`);
      return this.value(target, depth + 1);
    }
    this.open.add(node);
    try {
      return this.plain(node, depth);
    } finally {
      this.open.delete(node);
    }
  }

  private plain(node: Node, depth: number): YamlValue {
    const tag = (node as { tag?: string }).tag?.replace('tag:yaml.org,2002:', '!!') ?? null;
    if (tag?.startsWith('!!python/')) return this.python(node, tag, depth);
    if (tag !== null && !PLAIN_TAGS.has(tag)) {
      throw refuse(this.name, `holds a ${tag}, and a config has numbers, text, lists and sections only`);
    }
    if (isScalar(node)) {
      const { value } = node;
      if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') {
        return value;
      }
      // A date or a huge number: as it stands in the file.
      return node.source ?? String(value);
    }
    if (isSeq(node)) return node.items.map((item) => this.value(item as Node, depth + 1));
    if (isMap(node)) {
      const entries = new Map<string, YamlValue>();
      for (const pair of node.items) {
        const key = this.key(pair.key);
        if (entries.has(key)) throw refuse(this.name, `has ${key} twice`);
        entries.set(key, this.value(pair.value as Node | null, depth + 1));
      }
      return Object.fromEntries(entries);
    }
    throw refuse(this.name, 'holds something that is neither text, number, list nor section');
  }

  private key(node: unknown): string {
    if (isScalar(node)) return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
    throw refuse(this.name, 'has a key that is no text');
  }

  /**
   * What `yaml.dump` makes of a list that hydra gave and pydantic kept as it was (`evaluators` with `pass_Ks`): omegaconf's
   * own objects, of which only the values count. Everything else of Python is refused by name.
   */
  private python(node: Node, tag: string, depth: number): YamlValue {
    if (tag === '!!python/tuple' && isSeq(node)) {
      return node.items.map((item) => this.value(item as Node, depth + 1));
    }
    const inner = OMEGACONF[tag];
    if (inner && isMap(node)) return this.value(node.get(inner, true) as Node | undefined, depth + 1);
    throw refuse(this.name, `holds a Python object (${tag}), which is not loaded`);
  }
}

const PLAIN_TAGS = new Set(['!!null', '!!bool', '!!int', '!!float', '!!str', '!!seq', '!!map', '!!timestamp', '!']);

const OMEGACONF: Readonly<Record<string, string>> = {
  '!!python/object:omegaconf.listconfig.ListConfig': '_content',
  '!!python/object:omegaconf.dictconfig.DictConfig': '_content',
  '!!python/object:omegaconf.nodes.AnyNode': '_val',
};

// ---- writing -------------------------------------------------------------------------------------------------------

/** A number that Python is to read as a float, also where it is whole. */
export class Float {
  constructor(readonly value: number) {}
}

export type Writable = null | boolean | number | string | Float | Writable[] | { [key: string]: Writable };

/** Block style with sorted keys, as `yaml.dump` has it. */
export function writeYaml(value: { [key: string]: Writable }): string {
  return `${section(value, '').join('\n')}\n`;
}

function section(value: { [key: string]: Writable }, indent: string): string[] {
  return Object.keys(value)
    .sort()
    .flatMap((key) => entry(`${indent}${yamlText(key)}:`, value[key], indent));
}

function entry(head: string, value: Writable, indent: string): string[] {
  if (Array.isArray(value)) return value.length ? [head, ...items(value, indent)] : [`${head} []`];
  if (isSection(value)) return Object.keys(value).length ? [head, ...section(value, `${indent}  `)] : [`${head} {}`];
  return [`${head} ${scalar(value)}`];
}

/** PyYAML does not indent a list below its key. */
function items(list: readonly Writable[], indent: string): string[] {
  return list.flatMap((item) => {
    if (Array.isArray(item) || isSection(item)) {
      const lines = Array.isArray(item) ? items(item, `${indent}  `) : section(item, `${indent}  `);
      if (!lines.length) return [`${indent}- ${Array.isArray(item) ? '[]' : '{}'}`];
      return [`${indent}- ${lines[0].slice(indent.length + 2)}`, ...lines.slice(1)];
    }
    return [`${indent}- ${scalar(item)}`];
  });
}

const isSection = (value: Writable): value is { [key: string]: Writable } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Float);

function scalar(value: null | boolean | number | string | Float): string {
  if (value === null) return 'null';
  if (value instanceof Float) return pythonFloat(value.value);
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : pythonFloat(value);
  return typeof value === 'string' ? yamlText(value) : String(value);
}

/** Python's shortest repr, with the dot that YAML 1.1 wants of a float: 0.0001, 1.0e-05, 768.0. */
function pythonFloat(value: number): string {
  const [digits, exponent] = value.toExponential().split('e');
  const power = Number(exponent);
  if (value === 0 || (power >= -4 && power < 16)) return Number.isInteger(value) ? `${value}.0` : String(value);
  const sign = power < 0 ? '-' : '+';
  return `${digits.includes('.') ? digits : `${digits}.0`}e${sign}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** What YAML 1.1 reads as something other than text. */
const WORDS = /^(y|n|yes|no|on|off|true|false|null)$/i;

/** Plain where that is safe for sure, else quoted with everything beyond ASCII escaped: locales differ between machines. */
function yamlText(text: string): string {
  if (/^[A-Za-z_/][\w./@+ -]*$/.test(text) && !text.endsWith(' ') && !WORDS.test(text)) return text;
  const escaped = [...text].map((c) => {
    const code = c.codePointAt(0) as number;
    if (c === '"' || c === '\\') return `\\${c}`;
    if (c === '\n') return '\\n';
    if (c === '\t') return '\\t';
    if (code >= 0x20 && code < 0x7f) return c;
    if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${escaped.join('')}"`;
}
