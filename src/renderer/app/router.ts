import { ChartLine, Database, LayoutGrid, Lightbulb, ListChecks, Play, Settings } from '@lucide/vue';
import type { ScreenId } from '@shared/screens';
import type { Component } from 'vue';
import { createRouter, createWebHashHistory, type RouteRecordRaw, type Router } from 'vue-router';

declare module 'vue-router' {
  interface RouteMeta {
    /** Title of the window, and of the screen for screen readers. */
    title: string;
    /** Which entry of the sidebar is lit. */
    section?: ScreenId;
  }
}

/** What stands before a screen's name in the sidebar. */
export const ICONS: Record<ScreenId, Component> = {
  tasks: LayoutGrid,
  datasets: Database,
  runs: ChartLine,
  evaluations: ListChecks,
  solve: Lightbulb,
  playback: Play,
  settings: Settings,
};

export const ROUTES: RouteRecordRaw[] = [
  { path: '/', redirect: '/tasks' },
  {
    path: '/welcome',
    component: () => import('../welcome/WelcomeView.vue'),
    meta: { title: 'Welcome' },
  },
  {
    path: '/tasks',
    component: () => import('../tasks/TasksView.vue'),
    meta: { title: 'Tasks', section: 'tasks' },
  },
  {
    path: '/tasks/draw',
    component: () => import('../editor/EditorView.vue'),
    meta: { title: 'Draw a task', section: 'tasks' },
  },
  {
    path: '/tasks/:id(\\d+)',
    component: () => import('../tasks/TaskView.vue'),
    props: (route) => ({ id: Number(route.params.id) }),
    meta: { title: 'Task', section: 'tasks' },
  },
  {
    path: '/datasets',
    component: () => import('../datasets/DatasetsView.vue'),
    meta: { title: 'Datasets', section: 'datasets' },
  },
  {
    path: '/datasets/:id',
    component: () => import('../datasets/DatasetView.vue'),
    props: true,
    meta: { title: 'Dataset', section: 'datasets' },
  },
  {
    path: '/runs',
    component: () => import('../runs/RunsView.vue'),
    meta: { title: 'Runs', section: 'runs' },
  },
  {
    path: '/runs/new',
    component: () => import('../runs/NewRunView.vue'),
    meta: { title: 'New run', section: 'runs' },
  },
  {
    path: '/runs/compare',
    component: () => import('../runs/CompareView.vue'),
    props: (route) => ({
      ids: String(route.query.runs ?? '')
        .split(',')
        .filter(Boolean),
    }),
    meta: { title: 'Compare runs', section: 'runs' },
  },
  {
    path: '/runs/:id',
    component: () => import('../runs/RunView.vue'),
    props: true,
    meta: { title: 'Run', section: 'runs' },
  },
  {
    path: '/runs/:id/playback',
    component: () => import('../playback/PlaybackView.vue'),
    // `example=test:17` and `checkpoint=3` preselect what is played back.
    props: (route) => ({ run: String(route.params.id) }),
    meta: { title: 'Playback', section: 'playback' },
  },
  {
    path: '/evaluations',
    component: () => import('../evaluations/EvaluationsView.vue'),
    meta: { title: 'Results', section: 'evaluations' },
  },
  {
    path: '/evaluations/compare',
    component: () => import('../evaluations/CompareEvaluationsView.vue'),
    props: (route) => ({ a: String(route.query.a ?? ''), b: String(route.query.b ?? '') }),
    meta: { title: 'Compare results', section: 'evaluations' },
  },
  {
    path: '/evaluations/:id',
    component: () => import('../evaluations/EvaluationView.vue'),
    props: true,
    meta: { title: 'Evaluation', section: 'evaluations' },
  },
  {
    path: '/evaluations/:id/tasks/:position(\\d+)',
    component: () => import('../evaluations/TaskResultView.vue'),
    props: (route) => ({ id: String(route.params.id), position: Number(route.params.position) }),
    meta: { title: 'Task result', section: 'evaluations' },
  },
  {
    path: '/solve',
    component: () => import('../solve/SolvesView.vue'),
    meta: { title: 'Solve', section: 'solve' },
  },
  {
    path: '/solve/:id',
    component: () => import('../solve/SolveView.vue'),
    props: true,
    meta: { title: 'Solve', section: 'solve' },
  },
  {
    path: '/solve/:id/playback',
    component: () => import('../playback/choose/ChooseQuestion.vue'),
    props: true,
    meta: { title: 'Playback', section: 'playback' },
  },
  {
    path: '/playback',
    component: () => import('../playback/PlaybackView.vue'),
    meta: { title: 'Playback', section: 'playback' },
  },
  {
    path: '/playback/:trace(\\d+)',
    component: () => import('../playback/PlaybackView.vue'),
    props: (route) => ({ trace: Number(route.params.trace) }),
    meta: { title: 'Playback', section: 'playback' },
  },
  {
    path: '/settings',
    component: () => import('../settings/SettingsView.vue'),
    meta: { title: 'Settings', section: 'settings' },
  },
  {
    path: '/:rest(.*)*',
    component: () => import('./NotFoundView.vue'),
    meta: { title: 'Not found' },
  },
];

export function createStudioRouter(): Router {
  const router = createRouter({ history: createWebHashHistory(), routes: ROUTES });
  router.afterEach((to) => {
    document.title = to.meta.title === 'Welcome' ? 'TRM Studio' : `${to.meta.title} · TRM Studio`;
  });
  return router;
}
