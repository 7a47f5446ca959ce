import { onScopeDispose } from 'vue';

/** Milliseconds of drawing in one frame; painting what was drawn costs about as much again, of the 16 there are. */
const BUDGET_MS = 4;
const queue = new Set<() => void>();
let pending = 0;

function drawSome(): void {
  const begun = performance.now();
  for (const draw of queue) {
    queue.delete(draw);
    draw();
    if (performance.now() - begun > BUDGET_MS) break;
  }
  pending = queue.size ? requestAnimationFrame(drawSome) : 0;
}

/**
 * Queues `draw` for the next frame with time for it, once however often it is asked for. Eight charts of a long run do
 * not fit into one frame: they take turns, each is drawn several times a second, and the window stays at 60.
 */
export function useDrawTurn(draw: () => void): () => void {
  onScopeDispose(() => queue.delete(draw));
  return () => {
    queue.add(draw);
    pending ||= requestAnimationFrame(drawSome);
  };
}
