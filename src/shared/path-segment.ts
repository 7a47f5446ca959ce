/**
 * Names that come from data (a task's, a run's, a puzzle's) as one segment of a path. Whatever a downloaded file calls its
 * tasks, nothing is written outside the folder that was asked for, on any system.
 */

/** Of UTF-8; file systems take 255, and callers add an ending. */
export const MAX_SEGMENT_BYTES = 200;
/** Devices of Windows, also in front of an ending: `aux.json` opens the device. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\.|$)/i;
/** Unseen: control and format characters, halves of surrogate pairs, line and paragraph separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
/** What Windows takes in no file name, besides the separators. */
const WINDOWS = /[*?"<>|]/;
/** The end that {@link safeSegment} gives to what it changes. */
const MARK = /~[0-9a-f]{16}$/i;

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** Why this cannot be a file name, as the end of a sentence: `holds "/"`; null if it can. */
export function segmentFault(name: string): string | null {
  if (name.trim() === '') return 'is empty';
  const separator = /[/\\:]/.exec(name);
  if (separator) return `holds "${separator[0]}"`;
  if (/^\.+$/.test(name)) return 'is made of dots only';
  if (UNSEEN.test(name)) return 'holds a character that cannot be seen';
  if (RESERVED.test(name)) return 'is a name that Windows keeps for itself';
  if (/[. ]$/.test(name) || name.startsWith(' ')) return 'begins or ends with a space, or ends with a dot';
  const bytes = bytesOf(name);
  return bytes > MAX_SEGMENT_BYTES ? `has ${bytes} bytes, more than ${MAX_SEGMENT_BYTES}` : null;
}

/** The nearest name that would do as a file name; the name itself where it does. Different names may become the same. */
export function proposeSegment(name: string): string {
  if (segmentFault(name) === null && !WINDOWS.test(name)) return name;
  const plain = name
    .replace(/[/\\:*?"<>|\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, '-')
    .replace(/\.\.+/g, '.')
    .replace(/^[-. ]+/, '');
  const short = cut(plain, MAX_SEGMENT_BYTES - 2).replace(/[-. ]+$/, '') || 'unnamed';
  return RESERVED.test(short) ? `x-${short}` : short;
}

/**
 * A segment for any name at all: the name itself where it does, else the nearest one that does with a mark behind it that
 * keeps different names apart.
 */
export function safeSegment(name: string): string {
  const plain = proposeSegment(name);
  return plain === name && !MARK.test(name) && !name.startsWith('.') ? name : marked(name);
}

/** One segment for each name, different ones also where the file system takes "A" for "a" or composes accents. */
export function distinctSegments(names: readonly string[], taken: readonly string[] = []): Map<string, string> {
  const used = new Set(taken.map(folded));
  const segments = new Map<string, string>();
  for (const name of names) {
    if (segments.has(name)) continue;
    let segment = safeSegment(name);
    if (used.has(folded(segment))) segment = marked(name);
    used.add(folded(segment));
    segments.set(name, segment);
  }
  return segments;
}

/** The beginning of a file name that an id or a kind follows: ASCII letters, digits and "._-", as shells like them. */
export function nameSegment(name: string, otherwise: string): string {
  const plain = cut(name.replace(/[^\w.-]+/g, '-'), MAX_SEGMENT_BYTES / 2).replace(/^[.-]+/, '');
  return plain === '' ? otherwise : proposeSegment(plain);
}

/** What a file is offered to be called: lower case, dashes for everything but letters, digits and ". _ -". */
export function fileTitle(text: string): string {
  return proposeSegment(text.replace(/[^\p{L}\p{N}._-]+/gu, '-').toLowerCase());
}

const folded = (segment: string): string => segment.normalize('NFC').toLowerCase();

const marked = (name: string): string => {
  const bare = proposeSegment(name).replace(/^[-. ]+/, '') || 'unnamed';
  // What was no device behind its dots may be one without them: "..nul.json".
  const plain = cut(RESERVED.test(bare) ? `x-${bare}` : bare, MAX_SEGMENT_BYTES - 17);
  return `${plain}~${fingerprint(name)}`;
};

/** At most so many bytes of UTF-8, whole characters. */
function cut(text: string, bytes: number): string {
  let length = 0;
  let out = '';
  for (const character of text) {
    length += bytesOf(character);
    if (length > bytes) break;
    out += character;
  }
  return out;
}

/** FNV-1a of 64 bits over the UTF-16 units, so that halves of pairs count too; 16 hexadecimal digits. */
function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}
