#!/usr/bin/env node
// node scripts/fuses.mjs BINARY: sets the fuses of a packaged Electron, before it is signed, and prints them.
// https://www.electronjs.org/docs/latest/tutorial/fuses
import { pathToFileURL } from 'node:url';
import { FuseState, FuseV1Options, FuseVersion, flipFuses, getCurrentFuseWire } from '@electron/fuses';

/**
 * What the packages set, each with its reason.
 * @type {Record<keyof typeof FuseV1Options, boolean>}
 */
export const FUSES = {
  // The binary is no Node for whoever can set a variable. Compute processes are utility processes, which need no fuse.
  RunAsNode: false,
  // The window has no cookies, and the system's keyring would ask for a password at the first start.
  EnableCookieEncryption: false,
  EnableNodeOptionsEnvironmentVariable: false,
  EnableNodeCliInspectArguments: false,
  // Where the system has it (macOS, Windows): an archive that was changed is not loaded, and nothing but the archive is.
  EnableEmbeddedAsarIntegrityValidation: true,
  OnlyLoadAppFromAsar: true,
  // Needs a snapshot of its own, which is not made.
  LoadBrowserProcessSpecificV8Snapshot: false,
  // The window is served by a scheme of its own: file:// pages are never shown.
  GrantFileProtocolExtraPrivileges: false,
  // Electron's default: WebAssembly, the last rung of the runtime, is many times slower without.
  WasmTrapHandlers: true,
};

const NAMES = /** @type {(keyof typeof FUSES)[]} */ (Object.keys(FUSES));

/** The fuses of `binary` by name; those that its Electron does not have are left out. @param {string} binary */
export async function readFuses(binary) {
  const wire = await getCurrentFuseWire(binary);
  return Object.fromEntries(
    NAMES.filter((name) => wire[FuseV1Options[name]] !== undefined).map((name) => [
      name,
      wire[FuseV1Options[name]] === FuseState.ENABLE,
    ]),
  );
}

/** Sets all fuses that this Electron has. @param {string} binary its path, as the packager left it */
export async function setFuses(binary) {
  const there = Object.keys(await readFuses(binary));
  const set = NAMES.filter((name) => there.includes(name)).map((name) => [FuseV1Options[name], FUSES[name]]);
  await flipFuses(binary, {
    version: FuseVersion.V1,
    // An Electron with a fuse that is not named above stops the packaging.
    strictlyRequireAllFuses: set.length === NAMES.length,
    resetAdHocDarwinSignature: process.platform === 'darwin' && process.arch === 'arm64',
    ...Object.fromEntries(set),
  });
  return readFuses(binary);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [binary] = process.argv.slice(2);
  if (binary) process.stdout.write(`${JSON.stringify(await setFuses(binary), null, 2)}\n`);
  else {
    process.stderr.write(
      'node scripts/fuses.mjs BINARY: the Electron binary of a package, e.g. dist/linux-unpacked/trm-studio.\n',
    );
    process.exitCode = 2;
  }
}
