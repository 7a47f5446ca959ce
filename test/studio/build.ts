/** The entries as the app builds them, from the sources of now: for tests that need a real process. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'vite';

const ROOT = resolve(__dirname, '..', '..');
const OUT = join(ROOT, 'out', 'test-main');
const STAMP = join(OUT, 'built-from');

/** Builds if a source is newer than the last build. @returns the folder with compute.js, server.js and cli.js */
export async function builtEntries(): Promise<string> {
  const newest = String(newestOf(join(ROOT, 'src')));
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === newest) return OUT;
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const external = Object.keys(dependencies);
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: true,
      target: 'node20',
      outDir: OUT,
      emptyOutDir: true,
      minify: false,
      rollupOptions: {
        input: Object.fromEntries(
          ['compute', 'server', 'cli'].map((name) => [name, join(ROOT, 'src', name, 'index.ts')]),
        ),
        external: (id) => external.some((name) => id === name || id.startsWith(`${name}/`)),
        output: { format: 'cjs', entryFileNames: '[name].js' },
      },
    },
    ssr: { noExternal: true, external },
  });
  mkdirSync(OUT, { recursive: true });
  writeFileSync(STAMP, newest);
  return OUT;
}

function newestOf(folder: string): number {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const at = join(folder, entry.name);
    if (entry.isDirectory()) newest = Math.max(newest, entry.name === 'renderer' ? 0 : newestOf(at));
    else newest = Math.max(newest, statSync(at).mtimeMs);
  }
  return newest;
}
