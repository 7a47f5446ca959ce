import { resolve } from 'node:path';
import vue from '@vitejs/plugin-vue';
import { defineConfig, type Plugin } from 'vitest/config';

const root = import.meta.dirname;
const alias = { '@shared': resolve(root, 'src/shared'), '@renderer': resolve(root, 'src/renderer') };

/** Folders of tests that need no TensorFlow; a new folder is one of the others until it is named here. */
const PURE = ['shared', 'data', 'main', 'setup', 'contract'].map((folder) => `test/${folder}/**/*.test.ts`);

/** Holds the pure tests to their name, through whatever they import. */
const noTensorFlow: Plugin = {
  name: 'no-tensorflow',
  enforce: 'pre',
  resolveId(id, importer) {
    if (id.startsWith('@tensorflow/'))
      throw new Error(`${importer} imports ${id}: a test that needs it belongs to a folder that is not PURE.`);
  },
};

/** So long that only what hangs is ended: machines that run tests are busy. */
const patience = { testTimeout: 60_000, hookTimeout: 120_000 };
const node = { environment: 'node', pool: 'forks', ...patience } as const;

// Three projects: what runs in Node without TensorFlow, with it, and components in a DOM. One file at a time on a small
// machine: TensorFlow uses every core by itself, and two such processes at once are many times slower. `npm test` runs
// the files of the other two projects at once.
export default defineConfig({
  test: {
    fileParallelism: false,
    projects: [
      { plugins: [noTensorFlow], resolve: { alias }, test: { ...node, name: 'pure', include: PURE } },
      {
        resolve: { alias },
        test: {
          ...node,
          name: 'tensor',
          include: ['test/**/*.test.ts'],
          exclude: ['test/renderer/**', 'test/e2e/**', ...PURE],
        },
      },
      {
        plugins: [vue()],
        resolve: { alias },
        test: { ...patience, name: 'renderer', environment: 'happy-dom', include: ['test/renderer/**/*.test.ts'] },
      },
    ],
  },
});
