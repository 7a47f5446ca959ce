/** Names that stand twice in one JSON object. JSON.parse keeps the last one in silence; a checkpoint must not. */

/**
 * @param text JSON that JSON.parse accepts
 * @returns the first key that its object holds twice, or null
 */
export function duplicateKey(text: string): string | null {
  /** One entry per open bracket: the keys of an object, null for a list. */
  const open: (Set<string> | null)[] = [];
  let key = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
        open.push(new Set());
        key = true;
        break;
      case 0x5b: // [
        open.push(null);
        key = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        key = false;
        break;
      case 0x2c: // ,
        key = open[open.length - 1] instanceof Set;
        break;
      case 0x22: {
        const start = at++;
        while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
        if (!key) break;
        key = false;
        const name = JSON.parse(text.slice(start, at + 1)) as string;
        const keys = open[open.length - 1];
        if (keys?.has(name)) return name;
        keys?.add(name);
      }
    }
  }
  return null;
}
