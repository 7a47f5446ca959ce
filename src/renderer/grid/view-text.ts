/** What a view did to the task, in words. */
import { parseAugmentedName } from '@shared/arc-augment';

const SYMMETRIES = [
  'as it is',
  'turned 90° left',
  'turned 180°',
  'turned 90° right',
  'mirrored left to right',
  'mirrored top to bottom',
  'transposed',
  'transposed the other way',
];

/** `turned 180°, colours 0287391456` for an identifier; a bare number stays one. */
export function viewText(identifier: string): string {
  const { augmentation } = parseAugmentedName(identifier);
  if (!augmentation) return SYMMETRIES[0];
  const colours = augmentation.images.join('');
  return `${SYMMETRIES[augmentation.t]}${colours === '0123456789' ? '' : `, colours ${colours}`}`;
}
