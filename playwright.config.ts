import { defineConfig } from '@playwright/test';

// One walk, two windows: a browser on the local server, and Electron. One worker: TensorFlow takes every core.
export default defineConfig({
  testDir: 'test/e2e',
  outputDir: 'test/artifacts/playwright',
  workers: 1,
  fullyParallel: false,
  // A test that needs a second try hides a fault.
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: 'list',
  projects: [
    { name: 'chromium', testIgnore: '**/electron/**' },
    { name: 'electron', testIgnore: '**/web/**' },
  ],
});
