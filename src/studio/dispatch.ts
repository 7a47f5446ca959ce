/** The one way in for every transport: a name and raw input become a parsed call; whatever is thrown becomes a WireError. */
import type { z } from 'zod';
import { checkConfig } from '../shared/config-fields';
import { METHODS, type Handlers, type MethodName } from '../shared/contract';
import { RELATIVE, relativeSentence } from '../shared/contract/path';
import { StudioError, toWireError, type WireError } from '../shared/errors';
import { nearest } from '../shared/nearest';
import { isDeeper, MAX_DEPTH } from '../shared/wire';
import { asStudioError } from './db/open';
import type { Log } from './log';

export type Answer = { result: unknown } | { error: WireError };

/** Of a value, so many characters are repeated in a sentence. */
const SHOWN = 80;

/**
 * Parses `input` by the contract, calls the handler, and never throws.
 * @param database its file, which errors of SQLite do not name
 */
export async function dispatch(
  handlers: Handlers,
  log: Log,
  database: string,
  name: unknown,
  input: unknown,
): Promise<Answer> {
  try {
    if (typeof name !== 'string' || !Object.hasOwn(METHODS, name)) throw unknownMethod(name);
    if (isDeeper(input)) {
      throw new StudioError('bad_input', `${name}: the input is nested more than ${MAX_DEPTH} deep: send it flatter.`);
    }
    const method = name as MethodName;
    const parsed = METHODS[method].input.safeParse(input ?? {});
    if (!parsed.success) throw inputError(method, input, parsed.error);
    const handler = handlers[method] as (value: unknown) => unknown;
    return { result: await handler(parsed.data) };
  } catch (error) {
    return { error: toWireError(asStudioError(error, database), (e) => log.error(`${show(name)} failed`, e)) };
  }
}

/** Any value in a sentence. It may come from anywhere: one whose `toString` is no function must not throw here. */
function show(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, SHOWN);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return String(value).slice(0, SHOWN);
}

function unknownMethod(name: unknown): StudioError {
  const text = show(name);
  const close = typeof name === 'string' ? nearest(text, Object.keys(METHODS)) : null;
  return new StudioError('bad_input', `There is no method "${text}"${close ? `: did you mean ${close}?` : '.'}`);
}

/** The first thing that is wrong, in one sentence; for a config, in the config's own words and with all issues. */
function inputError(method: MethodName, input: unknown, error: z.ZodError): StudioError {
  const first = error.issues[0];
  const value = first.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], input);
  if (first.code === 'custom' && first.params?.[RELATIVE] === true) {
    return new StudioError('bad_input', relativeSentence(String(value)), { path: first.path.map(String).join('.') });
  }
  const { config } = (input ?? {}) as { config?: unknown };
  if (first.path[0] === 'config' && typeof config === 'object') {
    const issues = checkConfig(config);
    if (issues.length) return new StudioError('bad_input', issues[0].message, { issues });
  }
  const place = first.path.map(String).join('.');
  const quoted = typeof value === 'string' ? JSON.stringify(show(value)) : show(value);
  const shown = value === undefined || typeof value === 'object' ? '' : ` is ${quoted}`;
  if (value === undefined && first.code === 'invalid_type') {
    return new StudioError('bad_input', `${method}: ${place || 'the input'} is missing.`, { path: place });
  }
  const why = first.message.replace(/\.$/, '');
  return new StudioError('bad_input', `${method}: ${place || 'the input'}${shown}: ${why}.`, { path: place });
}
