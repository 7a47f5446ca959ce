import { onScopeDispose } from 'vue';

/** Runs `work` at most once per animation frame, however often it is asked for. */
export function usePerFrame(work: () => void): () => void {
  let handle = 0;
  onScopeDispose(() => cancelAnimationFrame(handle));
  return () => {
    if (handle) return;
    handle = requestAnimationFrame(() => {
      handle = 0;
      work();
    });
  };
}
