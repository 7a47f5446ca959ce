import { join } from 'node:path';
import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import vue from 'eslint-plugin-vue';
import globals from 'globals';
import tseslint from 'typescript-eslint';
import vueParser from 'vue-eslint-parser';
import { ROOMS } from './scripts/lib/rooms.mjs';

/** Imports run downwards only: each layer names those that it may import (docs/architecture.md). */
const LAYERS = {
  shared: [],
  core: ['shared'],
  compute: ['shared', 'core'],
  studio: ['shared', 'core'],
  main: ['shared', 'studio'],
  server: ['shared', 'studio'],
  cli: ['shared', 'studio', 'core', 'server'],
  preload: ['shared'],
  renderer: ['shared'],
};

const zones = Object.entries(LAYERS).flatMap(([layer, allowed]) =>
  Object.keys(LAYERS)
    .filter((other) => other !== layer && !allowed.includes(other))
    .map((other) => ({
      target: `./src/${layer}`,
      from: `./src/${other}`,
      message: `src/${layer} may import ${allowed.length ? allowed.map((a) => `src/${a}`).join(', ') : 'nothing of src'} only.`,
    })),
);

const roomZones = Object.entries(ROOMS).flatMap(([layer, rooms]) =>
  rooms.flatMap((room, i) =>
    rooms.slice(i + 1).map((above) => ({
      target: `./src/${layer}/${room}`,
      from: `./src/${layer}/${above}`,
      message: `src/${layer}/${room} lies below src/${layer}/${above} (docs/architecture.md).`,
    })),
  ),
);

/** The outside packages that each layer must not see, so that core stays a library and studio stays testable. */
const FORBIDDEN = {
  shared: ['electron', 'better-sqlite3', 'vue', '@tensorflow/*', 'ws', 'node:*'],
  core: ['electron', 'better-sqlite3', 'vue', 'ws'],
  compute: ['electron', 'better-sqlite3', 'vue', 'ws'],
  studio: ['electron', 'vue', '@tensorflow/*'],
  server: ['electron', 'vue', '@tensorflow/*', 'better-sqlite3'],
  main: ['vue', '@tensorflow/*', 'better-sqlite3'],
  renderer: ['electron', 'better-sqlite3', '@tensorflow/*', 'ws', 'node:*'],
};

/**
 * Promises are awaited or caught, which only the types can tell. Not in the window: its rejections end nothing, and types of
 * Vue's files make this many times slower.
 */
const promises = {
  // A rejection that nobody sees ends the process: `void` does not excuse it.
  '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
  '@typescript-eslint/no-misused-promises': 'error',
};
const typed = { parserOptions: { project: ['./tsconfig.node.json'], tsconfigRootDir: import.meta.dirname } };

export default tseslint.config(
  { ignores: ['node_modules', 'out', '.trm', 'test/artifacts', 'test-results'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.{ts,vue}'],
    plugins: { 'import-x': importX },
    languageOptions: { parser: tseslint.parser, globals: { ...globals.node } },
    settings: {
      'import-x/resolver-next': [
        createNodeResolver({
          extensions: ['.ts', '.vue', '.mjs', '.js', '.json'],
          alias: {
            '@shared': [join(import.meta.dirname, 'src/shared')],
            '@renderer': [join(import.meta.dirname, 'src/renderer')],
          },
        }),
      ],
    },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      'import-x/no-restricted-paths': ['error', { zones: [...zones, ...roomZones] }],
      'import-x/no-cycle': 'error',
      'max-lines': ['error', { max: 350, skipBlankLines: true, skipComments: true }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.vue'],
    languageOptions: {
      parser: vueParser,
      parserOptions: { parser: tseslint.parser, extraFileExtensions: ['.vue'] },
      globals: { ...globals.browser },
    },
    rules: { 'vue/multi-word-component-names': 'off', 'vue/require-default-prop': 'off', 'vue/no-v-html': 'error' },
  },
  {
    files: ['core', 'shared', 'studio', 'main', 'server', 'compute', 'cli'].map((layer) => `src/${layer}/**/*.ts`),
    languageOptions: typed,
    rules: promises,
  },
  { files: ['src/renderer/**/*.ts', 'test/renderer/**/*.ts'], languageOptions: { globals: { ...globals.browser } } },
  { files: ['**/*.mjs'], languageOptions: { globals: { ...globals.node } } },
  ...Object.entries(FORBIDDEN).map(([layer, group]) => ({
    files: [`src/${layer}/**/*.{ts,vue}`],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group, message: `Not in src/${layer} (docs/architecture.md).` }] },
      ],
    },
  })),
  prettier,
);
