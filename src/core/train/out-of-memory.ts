/** Out of memory, told from other faults and said in one sentence: a slower road would need more of it, not less. */
import { StudioError } from '../../shared/errors';
import { currentDevice } from '../backend/device';
import { fittingPart } from './step-memory';
import type { RecordedSetup } from './recorded-step';

/** TensorFlow's words on every device, and those of C++ and of JavaScript. */
const WORDS = /\bOOM when allocating|RESOURCE_EXHAUSTED|Resource exhausted|bad_alloc|Array buffer allocation failed/i;

export const isOutOfMemory = (error: unknown): boolean => WORDS.test(String((error as Error)?.message ?? error));

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toPrecision(3)} GB`;

/**
 * @param setup of the step that did not fit
 * @returns what to tell: which part, how much memory there is, and what would fit (`data.micro_batch`, null for nothing)
 */
export function outOfMemory(error: unknown, setup: RecordedSetup): StudioError {
  const { part, program } = setup;
  const batch = program.config.global_batch_size;
  const text = String((error as Error)?.message ?? error);
  const [, shape, type] = /tensor with shape\s*(\[[\d,]*\]) and type (\w+)/.exec(text) ?? [];
  const { kind, bytes } = currentDevice();
  const rows = (n: number) => (n === 1 ? 'one puzzle' : `${n} puzzles`);
  const what = part < batch ? `a part of ${rows(part)} of the batch of ${batch}` : `the batch of ${rows(batch)}`;
  const tensor = shape === undefined ? '' : `, at a tensor ${shape} of ${type}`;
  const next = part > 1 ? fittingPart(setup, Math.floor(part / 2)) : null;
  const advice =
    next === null
      ? 'One puzzle at a time does not fit either: choose a smaller model or another device.'
      : `Set studio.micro_batch to ${next}: the batch is then computed in parts of ${rows(next)}, and learns the same.`;
  const device = kind === 'gpu' ? 'The GPU' : 'This machine';
  return new StudioError(
    'too_large',
    `${device} ran out of memory with ${what}${tensor}; it has ${gigabytes(bytes)} in all. Nothing of this step was kept, so the run stands where it was before it. ${advice}`,
    { out_of_memory: true, part, micro_batch: next, device_bytes: bytes },
    { cause: error },
  );
}
