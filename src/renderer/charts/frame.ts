import { onScopeDispose } from 'vue';

/** The share of the time that drawing may take: after a draw of 10 ms the next waits at least 30 ms. */
const SHARE = 0.25;

/**
 * Runs `work` at most once per animation frame, however often it is asked for, and less often if it is slow, so that
 * what a person does is answered between two draws.
 */
export function usePerFrame(work: () => void): () => void {
  let handle = 0;
  let rest = 0;
  onScopeDispose(() => cancelAnimationFrame(handle));

  function frame(now: number): void {
    if (now < rest) {
      handle = requestAnimationFrame(frame);
      return;
    }
    handle = 0;
    const begun = performance.now();
    work();
    const ended = performance.now();
    rest = ended + (ended - begun) * (1 / SHARE - 1);
  }
  return () => {
    handle ||= requestAnimationFrame(frame);
  };
}
