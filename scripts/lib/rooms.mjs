/**
 * The rooms of a layer, lowest first: each may import those before it. A new room gets its place here, or lint names it
 * (test/setup/rooms.test.ts).
 */
export const ROOMS = {
  core: [
    ['lib', 'arc', 'data', 'backend', 'model', 'act', 'train', 'checkpoint'],
    ['evaluate', 'trace', 'solve', 'bundle', 'export', 'parity', 'bench'],
  ].flat(),
  renderer: [
    ['kernel', 'ui', 'grid', 'charts', 'config', 'intake', 'evaluations', 'solve', 'tasks', 'editor', 'playback'],
    ['datasets', 'exchange', 'runs', 'settings', 'welcome', 'import', 'app'],
  ].flat(),
};
