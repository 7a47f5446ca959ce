/** The code of messages, from the app's own sources. */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

/** @returns {Promise<{ encodeWire: (value: unknown) => Uint8Array, decodeWire: (message: Uint8Array) => any }>} */
export const loadWire = async () =>
  (await runnerImport(fileURLToPath(new URL('../../../src/shared/wire.ts', import.meta.url)))).module;
