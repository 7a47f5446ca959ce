import type { Migration } from '../migrate';
import { initial } from './001-initial';

/** Every migration, in order. A released one is never edited: add the next number. */
export const MIGRATIONS: readonly Migration[] = [initial];
