import { onUnmounted, watch, type Ref } from 'vue';
import { useRoute } from 'vue-router';
import { useSettings } from '../kernel/stores/settings';

/** How long a screen may take to grow back to the height at which it was left. */
const PATIENCE_MS = 3000;

/** Keeps the scroll position of every screen while the window is open, and that of the last one over a restart. */
export function useScrollMemory(box: Ref<HTMLElement | null>): void {
  const route = useRoute();
  const settings = useSettings();
  const tops = new Map<string, number>();
  const kept = settings.settings.view['app.scroll'] as { path?: unknown; top?: unknown } | undefined;
  if (typeof kept?.path === 'string' && typeof kept.top === 'number') tops.set(kept.path, kept.top);
  let stop = (): void => undefined;

  /** Scrolls as soon as the screen is tall enough; the person's own scrolling ends the attempt. */
  function restore(element: HTMLElement, top: number): void {
    stop();
    if (!top) {
      element.scrollTop = 0;
      return;
    }
    const attempt = (): void => {
      element.scrollTop = top;
      if (Math.abs(element.scrollTop - top) < 2) stop();
    };
    const observer = new ResizeObserver(attempt);
    const timer = setTimeout(() => stop(), PATIENCE_MS);
    const watchChildren = new MutationObserver(() => {
      for (const child of element.children) observer.observe(child);
      attempt();
    });
    watchChildren.observe(element, { childList: true });
    for (const child of element.children) observer.observe(child);
    element.addEventListener('wheel', onHand, { passive: true });
    element.addEventListener('keydown', onHand);
    function onHand(): void {
      stop();
    }
    stop = () => {
      observer.disconnect();
      watchChildren.disconnect();
      clearTimeout(timer);
      element.removeEventListener('wheel', onHand);
      element.removeEventListener('keydown', onHand);
      stop = () => undefined;
    };
    attempt();
  }

  function onScroll(): void {
    if (!box.value) return;
    tops.set(route.fullPath, box.value.scrollTop);
    settings.remember('app.scroll', { path: route.fullPath, top: Math.round(box.value.scrollTop) });
  }

  watch(
    [box, () => route.fullPath],
    ([element, path], [before]) => {
      if (!element) return;
      if (element !== before) element.addEventListener('scroll', onScroll, { passive: true });
      restore(element, tops.get(path) ?? 0);
    },
    { flush: 'post' },
  );
  onUnmounted(() => {
    stop();
    box.value?.removeEventListener('scroll', onScroll);
  });
}
