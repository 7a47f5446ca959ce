/** What goes over the server's socket, by the app's own code. */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const file = fileURLToPath(new URL('../../../src/shared/wire.ts', import.meta.url));

/** @type {{ encodeWire: (value: unknown) => Uint8Array, decodeWire: (message: Uint8Array) => any }} */
export const { encodeWire, decodeWire } = (await runnerImport(file, { configFile: false, logLevel: 'error' })).module;
