import type { Router } from 'vue-router';
import { watch } from 'vue';
import { useApp } from '../kernel/stores/app';
import { useCompute } from '../kernel/stores/compute';
import { useRuns } from '../kernel/stores/runs';
import { useSettings } from '../kernel/stores/settings';
import { notifyError } from '../kernel/notices';
import { asStudioError, useClient } from '../kernel/client';

/** Longest wait for the settings before the window is drawn without them. */
const PATIENCE_MS = 1500;

/**
 * Connects the stores, decides the first screen, and keeps both in step with the connection. Resolves when the first
 * frame can be drawn: settings known, or patience at an end.
 */
export async function start(router: Router): Promise<void> {
  const client = useClient();
  const app = useApp();
  const stores = [app, useRuns(), useCompute(), useSettings()];
  for (const store of stores) store.listen();

  const asked = window.location.hash.replace(/^#?\/?/, '') !== '';
  let first = true;
  client.onConnection((up) => {
    app.connected = up || first;
    // What changed while the connection was down was not told; ask again.
    if (up && !first) for (const store of [app, useRuns(), useCompute()]) void store.load().catch(() => undefined);
    if (up) first = false;
    else if (first) app.connected = false;
    if (!up) watchForRefusal();
  });

  void useRuns().load().catch(unlessLost('The runs could not be read'));
  void useCompute().load().catch(unlessLost('The state of the machine could not be read'));
  const ready = (async () => {
    await useSettings().load().catch(unlessLost('The settings could not be read'));
    await app.load().catch(unlessLost('TRM Studio could not be asked what it holds'));
    if (!asked) await firstScreen(router);
  })();
  await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  rememberScreen(router);

  /** This call waits for the next connection; a studio that was started anew answers it with a refusal. */
  function watchForRefusal(): void {
    client.call('app.info', {}).catch((error: unknown) => {
      if (asStudioError(error).code === 'unauthorised') app.refused = true;
    });
  }

  function unlessLost(title: string): (error: unknown) => void {
    return (error) => {
      if (app.connected) notifyError(title, error);
    };
  }
}

/**
 * An address with a screen wins; else the cards of the first start; else where one was. The answer may come after the
 * first frame was drawn: then it still holds, unless someone went elsewhere meanwhile.
 */
async function firstScreen(router: Router): Promise<void> {
  const { path } = router.currentRoute.value;
  if (path !== '/' && path !== '/tasks') return;
  const kept = useSettings().settings.view['app.screen'];
  const target = useApp().info?.first_run ? '/welcome' : typeof kept === 'string' ? kept : '/tasks';
  // To its end: the router, once installed, would begin with the address of the page instead.
  await router.replace(target);
}

function rememberScreen(router: Router): void {
  watch(router.currentRoute, (route) => {
    if (route.matched.length && route.path !== '/welcome') useSettings().remember('app.screen', route.fullPath);
  });
}
