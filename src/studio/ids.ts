import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new id of 8 characters (40 bits), without letters that are easily taken for one another: it is typed by people. */
export function newId(): string {
  return Array.from(randomBytes(8), (byte) => ALPHABET[byte % 32]).join('');
}

/** A file-name part made of a name a person chose: lower case, digits and dashes, at most 40 characters. */
export function slug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return plain || 'unnamed';
}
