import { expect, test } from 'vitest';
import { METHODS } from '../../src/shared/contract';

test('a change of one setting names no other', () => {
  const { input } = METHODS['settings.set'];
  expect(input.parse({ theme: 'dark' })).toEqual({ theme: 'dark' });
  expect(input.parse({ view: { screen: '/runs' } })).toEqual({ view: { screen: '/runs' } });
  expect(input.safeParse({ theme: 'blue' }).success).toBe(false);
  expect(input.safeParse({ colour: 'dark' }).success).toBe(false);
});
