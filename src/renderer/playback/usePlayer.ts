import { onScopeDispose, ref, watch, type Ref } from 'vue';

/** Steps per second. */
export const SPEEDS = [1, 2, 4, 8, 16] as const;

export interface Player {
  /** 0 … length − 1. */
  step: Ref<number>;
  playing: Ref<boolean>;
  speed: Ref<number>;
  go(step: number): void;
  toggle(): void;
  faster(by: 1 | -1): void;
  /** Handles a key of the playback; true if it was one. */
  key(event: Pick<KeyboardEvent, 'key'>): boolean;
}

/** A position in `length()` steps that keys and time move. Playing from the end starts over; the end stops it. */
export function usePlayer(length: () => number): Player {
  const step = ref(0);
  const playing = ref(false);
  const speed = ref<number>(4);
  let timer: ReturnType<typeof setInterval> | undefined;

  const last = (): number => Math.max(0, length() - 1);
  const go = (to: number): void => {
    step.value = Math.max(0, Math.min(last(), Math.round(to)));
  };
  const scrub = (to: number): void => {
    playing.value = false;
    go(to);
  };
  const toggle = (): void => {
    if (!playing.value && step.value >= last()) go(0);
    playing.value = !playing.value && last() > 0;
  };
  const faster = (by: 1 | -1): void => {
    const at = SPEEDS.indexOf(speed.value as (typeof SPEEDS)[number]);
    speed.value = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + by))];
  };

  watch(
    [playing, speed],
    () => {
      clearInterval(timer);
      if (!playing.value) return;
      timer = setInterval(() => {
        if (step.value >= last()) playing.value = false;
        else go(step.value + 1);
      }, 1000 / speed.value);
    },
    { flush: 'sync' },
  );
  onScopeDispose(() => clearInterval(timer));

  return {
    step,
    playing,
    speed,
    go: scrub,
    toggle,
    faster,
    key(event) {
      switch (event.key) {
        case 'ArrowLeft':
          scrub(step.value - 1);
          return true;
        case 'ArrowRight':
          scrub(step.value + 1);
          return true;
        case 'Home':
          scrub(0);
          return true;
        case 'End':
          scrub(last());
          return true;
        case ' ':
          toggle();
          return true;
        case '+':
        case '=':
          faster(1);
          return true;
        case '-':
          faster(-1);
          return true;
        default:
          return false;
      }
    },
  };
}
