/** What the tables of methods are made of. */
import { z } from 'zod';

export const none = z.strictObject({});
export const example = z.strictObject({ split: z.enum(['train', 'test']), index: z.number().int().min(0) });

/** Names a method's output type without a value at run time. */
export interface Method<I extends z.ZodType, O> {
  input: I;
  output: (value: never) => O;
}
export const method =
  <O>() =>
  <I extends z.ZodType>(input: I): Method<I, O> => ({ input, output: undefined as never });
