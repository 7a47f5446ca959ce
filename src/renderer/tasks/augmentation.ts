/** An augmentation chosen by hand, applied to the grids that are shown. */
import { computed, shallowRef } from 'vue';
import { COLOURS, type PackedGrid } from '@shared/arc';
import { IDENTITY, augmentedName, type Augmentation } from '@shared/arc-augment';
import { recolourGrid, transformGrid, type Dihedral, type FlatGrid } from '@shared/arc-grid';
import { cellsFromPacked } from '../grid/cells';

export const DIHEDRALS: readonly { t: Dihedral; name: string }[] = [
  { t: 0, name: 'as it is' },
  { t: 1, name: 'quarter turn left' },
  { t: 2, name: 'half turn' },
  { t: 3, name: 'quarter turn right' },
  { t: 4, name: 'flipped left to right' },
  { t: 5, name: 'flipped top to bottom' },
  { t: 6, name: 'transposed' },
  { t: 7, name: 'transposed over the other diagonal' },
];

/** Whether it changes nothing: such a puzzle has the task's own name. */
export const isIdentity = ({ t, images }: Augmentation): boolean => t === 0 && images.every((image, c) => image === c);

/** `00d62c1b|||t3|||0287391456`, as in identifiers.json. */
export const nameOf = (task: string, augmentation: Augmentation): string =>
  augmentedName(task, isIdentity(augmentation) ? IDENTITY : augmentation);

/** Colour `from` becomes `to`; the colour that became `to` takes the old image, so that it stays a permutation. */
export function withImage(images: Uint8Array, from: number, to: number): Uint8Array {
  const next = images.slice();
  next[images.indexOf(to)] = images[from];
  next[from] = to;
  return next;
}

/** One of the eight symmetries and an order of the colours 1…9 (black stays), all equally likely. `random` in [0, 1). */
export function drawAugmentation(random: () => number = Math.random): Augmentation {
  const images = Uint8Array.from({ length: COLOURS }, (_, c) => c);
  for (let i = COLOURS - 1; i > 1; i--) {
    const j = 1 + Math.floor(random() * i);
    [images[i], images[j]] = [images[j], images[i]];
  }
  return { t: Math.floor(random() * 8) as Dihedral, images };
}

/** A stored grid under an augmentation: colours first, then the symmetry, as in the reference. */
export function augmentPacked(packed: PackedGrid, { t, images }: Augmentation): FlatGrid {
  const { rows, columns, values } = cellsFromPacked(packed);
  return transformGrid(recolourGrid({ rows, columns, cells: values }, images), t);
}

const chosen = shallowRef<Augmentation>(IDENTITY);

/** The one that is chosen; it stays while one leafs through tasks. */
export function useAugmentation() {
  return { augmentation: chosen, changed: computed(() => !isIdentity(chosen.value)) };
}
