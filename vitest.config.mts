import { resolve } from 'node:path';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;
const alias = { '@shared': resolve(root, 'src/shared'), '@renderer': resolve(root, 'src/renderer') };

// Two projects: everything that runs in Node, and components in a DOM. One file at a time on a small machine:
// TensorFlow uses every core by itself, and two such processes beside each other are many times slower.
export default defineConfig({
  test: {
    fileParallelism: false,
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'node',
          environment: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/renderer/**', 'test/e2e/**'],
          pool: 'forks',
          testTimeout: 60_000,
          hookTimeout: 120_000,
          setupFiles: [],
        },
      },
      {
        plugins: [vue()],
        resolve: { alias },
        test: { name: 'renderer', environment: 'happy-dom', include: ['test/renderer/**/*.test.ts'] },
      },
    ],
  },
});
