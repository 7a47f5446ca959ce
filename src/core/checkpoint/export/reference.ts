/** What the studio can train and the PyTorch reference cannot run, said before anything leaves for it. */
import type { ArchConfig } from '../../../shared/config';
import { StudioError } from '../../../shared/errors';

/**
 * The reference compares `pos_encodings` with the names that it knows and raises at no other: it would run such a model
 * without positions and give answers that mean nothing.
 * @throws StudioError `bad_input`
 */
export function refuseOwnPositions({ pos_encodings }: Pick<ArchConfig, 'pos_encodings'>, instead: string): void {
  if (pos_encodings !== 'rope2d') return;
  throw new StudioError(
    'bad_input',
    `arch.pos_encodings is rope2d, which the reference does not have and would leave out without a word: ${instead}.`,
  );
}
