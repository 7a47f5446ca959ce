/**
 * The screens that have a place in the sidebar, in its order: router, sidebar, native menu, command palette, number keys
 * and shortcuts list all read this.
 */
export const SCREENS = [
  { id: 'tasks', title: 'Tasks' },
  { id: 'datasets', title: 'Datasets' },
  { id: 'runs', title: 'Runs' },
  { id: 'evaluations', title: 'Results' },
  { id: 'solve', title: 'Solve' },
  { id: 'playback', title: 'Playback' },
  { id: 'settings', title: 'Settings' },
] as const;

export type ScreenId = (typeof SCREENS)[number]['id'];

/** The address of a screen within the window; its id is its first path segment. */
export const screenPath = (id: ScreenId): string => `/${id}`;
