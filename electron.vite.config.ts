import { resolve } from 'node:path';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'electron-vite';

const root = import.meta.dirname;

// Everything in `dependencies` stays external (native modules); everything in `devDependencies` is bundled.
// The targets are those of the oldest Electron that the tests drive (33: Node 20, Chrome 130).
export default defineConfig({
  main: {
    build: {
      target: 'node20',
      sourcemap: true,
      rollupOptions: {
        input: {
          index: resolve(root, 'src/main/index.ts'),
          compute: resolve(root, 'src/compute/index.ts'),
          server: resolve(root, 'src/server/index.ts'),
          cli: resolve(root, 'src/cli/index.ts'),
        },
        output: { format: 'cjs' },
      },
    },
  },
  preload: {
    build: {
      target: 'node20',
      rollupOptions: { input: { index: resolve(root, 'src/preload/index.ts') }, output: { format: 'cjs' } },
    },
  },
  renderer: {
    root: resolve(root, 'src/renderer'),
    resolve: {
      alias: { '@shared': resolve(root, 'src/shared'), '@renderer': resolve(root, 'src/renderer') },
    },
    build: { target: 'chrome130', rollupOptions: { input: resolve(root, 'src/renderer/index.html') } },
    plugins: [vue()],
  },
});
