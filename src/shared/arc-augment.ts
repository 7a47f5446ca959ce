/**
 * What an augmented puzzle is: one of eight symmetries and a permutation of the colours, and how its identifier says so.
 * The names are those of the reference's `build_arc_dataset.py`.
 */
import type { Dihedral } from './arc-grid';
import { NAME_SEPARATOR } from './arc-task';

/** `images[c]` is what colour c becomes. */
export interface Augmentation {
  t: Dihedral;
  images: Uint8Array;
}

export const IDENTITY: Augmentation = { t: 0, images: Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) };

/** `00d62c1b|||t3|||0287391456`, or the task's name alone for the puzzle itself. */
export function augmentedName(name: string, augmentation: Augmentation): string {
  if (augmentation === IDENTITY) return name;
  return `${name}${NAME_SEPARATOR}t${augmentation.t}${NAME_SEPARATOR}${augmentation.images.join('')}`;
}

/** What an identifier says: the task, and how its grids were changed (null: not at all). */
export function parseAugmentedName(identifier: string): { name: string; augmentation: Augmentation | null } {
  const parts = identifier.split(NAME_SEPARATOR);
  const [t, images] = [/^t([0-7])$/.exec(parts[1] ?? ''), /^0[1-9]{9}$/.exec(parts[2] ?? '')];
  if (parts.length !== 3 || !t || !images) return { name: identifier, augmentation: null };
  return { name: parts[0], augmentation: { t: Number(t[1]) as Dihedral, images: Uint8Array.from(images[0], Number) } };
}
