/** What a checkpoint says of itself, where it does not say it: one sentence, and no other error. */
import fc from '../property';
import { describe, expect, it } from 'vitest';
import { readDescription } from '../../src/core/checkpoint/native/description';
import { defaultConfig } from '../../src/shared/config';
import { StudioError } from '../../src/shared/errors';
import { schemaVersion } from '../../src/shared/schema-version';

const good = {
  schema: 1,
  config: defaultConfig(),
  seq_len: 16,
  vocab_size: 6,
  num_puzzle_identifiers: 1,
  kind: 'sudoku',
  rows: 4,
  columns: 4,
  step: 3,
  total_steps: 9,
  seconds: 1.5,
  sampler: { iteration: 0, epoch: 0, position: 0, random: [1, 2, 3, 4] },
  exploration: [1, 2, 3, 4],
  evaluated: null,
  evaluation_due: false,
};
const refused = (said: unknown): StudioError => {
  try {
    readDescription('/d/step_3.safetensors', typeof said === 'string' ? said : JSON.stringify(said));
  } catch (error) {
    expect(error).toBeInstanceOf(StudioError);
    return error as StudioError;
  }
  throw new Error('it was taken');
};

describe('the description of a checkpoint', () => {
  it('is read as it is', () => {
    const read = readDescription('/d/step_3.safetensors', JSON.stringify({ ...good, dtypes: { a: 'F16' } }));
    expect(read).toEqual({ ...good, dtypes: { a: 'F16' } });
  });

  it.each([
    'null',
    '7',
    '"text"',
    '[]',
    '{}',
    'true',
    '{"schema":null}',
    '{"schema":"1"}',
    '{"schema":0.5}',
    '{"schema":-1}',
  ])('%s does not say which format it has', (text) => {
    const { code, message } = refused(text);
    expect(code).toBe('damaged');
    expect(message).toBe(
      '/d/step_3.safetensors: its description does not say which format it has. Use another checkpoint of the run.',
    );
  });

  it('without a config says so', () => {
    expect(refused({ ...good, config: undefined }).message).toBe(
      '/d/step_3.safetensors: its description has no config. Use another checkpoint of the run.',
    );
  });

  it('of a later format names it', () => {
    expect(refused({ ...good, schema: 2 })).toMatchObject({
      code: 'newer_version',
      message: expect.stringContaining('(format 2)') as string,
    });
  });

  it('without one of its facts names it', () => {
    for (const key of ['seq_len', 'vocab_size', 'kind', 'step', 'sampler', 'exploration'] as const) {
      for (const value of [undefined, null, 'x', -1, {}]) {
        expect(refused({ ...good, [key]: value }).message, key).toMatch(new RegExp(`has no valid "${key}`));
      }
    }
    expect(refused({ ...good, config: null }).message).toMatch(/its config is not valid here\. .*\.$/);
    expect(refused({ ...good, sampler: { ...good.sampler, random: [1] } }).message).toContain('"sampler.random');
  });

  it('gets one sentence whatever it is', () => {
    fc.assert(
      fc.property(fc.json({ depthSize: 'medium' }), fc.constantFrom(...Object.keys(good)), (json, key) => {
        for (const said of [json, { ...good, [key]: JSON.parse(json) as unknown }]) {
          try {
            readDescription('/d/s', typeof said === 'string' ? said : JSON.stringify(said));
          } catch (error) {
            expect(error).toBeInstanceOf(StudioError);
            expect((error as StudioError).message).toMatch(/^\/d\/s.*[.?]$/);
            expect((error as StudioError).message).not.toMatch(/undefined\)|\[object/);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

it('a schema is a whole number from 1 on, or none', () => {
  expect(
    [null, undefined, 1, 'x', [], {}, { schema: null }, { schema: 1.5 }, { schema: 0 }].map(schemaVersion),
  ).toEqual(Array.from({ length: 9 }, () => null));
  expect(schemaVersion({ schema: 3 })).toBe(3);
});
