import { computed, onScopeDispose, ref, watch, type ComputedRef, type Ref } from 'vue';
import type { Moment } from './moments';

/** Steps (or updates) per second. */
export const SPEEDS = [1, 2, 4, 8, 16] as const;

export interface Player {
  /** ACT step, from 0. */
  step: Ref<number>;
  /** Update inside the step, from 0; null at the end of the step. */
  update: Ref<number | null>;
  moment: ComputedRef<Moment>;
  /** Whether playing and the arrow keys move by updates. */
  inside: ComputedRef<boolean>;
  playing: Ref<boolean>;
  speed: Ref<number>;
  atStart: ComputedRef<boolean>;
  atEnd: ComputedRef<boolean>;
  /** Goes to the end of a step, or to an update of it. */
  go(step: number, update?: number | null): void;
  /** One step or update on or back, as `inside` says. */
  move(by: 1 | -1): void;
  first(): void;
  last(): void;
  /** Into the updates of a step (if there are any), and out again. */
  enter(): void;
  leave(): void;
  toggle(): void;
  faster(by: 1 | -1): void;
  /** Handles a key of the playback; true if it was one. */
  key(event: Pick<KeyboardEvent, 'key'>): boolean;
}

/**
 * A moment among `steps()` ACT steps of `updates()` updates each, moved by keys and time. Playing from the end starts
 * over; the end stops it.
 */
export function usePlayer(steps: () => number, updates: () => number = () => 0): Player {
  const step = ref(0);
  const update = ref<number | null>(null);
  const playing = ref(false);
  const speed = ref<number>(4);
  let timer: ReturnType<typeof setInterval> | undefined;

  const lastStep = (): number => Math.max(0, steps() - 1);
  const clamp = (n: number, most: number): number => Math.max(0, Math.min(most, Math.round(n)));
  const inside = computed(() => update.value !== null);
  const set = (to: number, at: number | null): void => {
    step.value = clamp(to, lastStep());
    update.value = at === null || updates() === 0 ? null : clamp(at, updates() - 1);
  };
  const atStart = computed(() => step.value === 0 && (update.value === null || update.value === 0));
  const atEnd = computed(() => step.value >= lastStep() && (update.value === null || update.value >= updates() - 1));
  const advance = (by: 1 | -1): void => {
    if (update.value === null) set(step.value + by, null);
    else {
      const U = updates();
      const index = clamp(step.value * U + update.value + by, steps() * U - 1);
      set(Math.floor(index / U), index % U);
    }
  };
  const hold = (): void => {
    playing.value = false;
  };
  const start = (): void => set(0, inside.value ? 0 : null);
  const toggle = (): void => {
    if (!playing.value && atEnd.value) start();
    playing.value = !playing.value && !atEnd.value;
  };
  const faster = (by: 1 | -1): void => {
    const at = SPEEDS.indexOf(speed.value as (typeof SPEEDS)[number]);
    speed.value = SPEEDS[clamp(at + by, SPEEDS.length - 1)];
  };

  watch(
    [playing, speed],
    () => {
      clearInterval(timer);
      if (!playing.value) return;
      timer = setInterval(() => {
        if (atEnd.value) playing.value = false;
        else advance(1);
      }, 1000 / speed.value);
    },
    { flush: 'sync' },
  );
  onScopeDispose(() => clearInterval(timer));

  const player: Player = {
    step,
    update,
    moment: computed(() => ({ step: step.value, update: update.value })),
    inside,
    playing,
    speed,
    atStart,
    atEnd,
    go(to, at = null) {
      hold();
      set(to, at);
    },
    move(by) {
      hold();
      advance(by);
    },
    first() {
      hold();
      start();
    },
    last() {
      hold();
      set(lastStep(), inside.value ? updates() - 1 : null);
    },
    enter() {
      if (!inside.value && updates() > 0) player.go(step.value, 0);
    },
    leave() {
      if (inside.value) player.go(step.value);
    },
    toggle,
    faster,
    key({ key }) {
      const action = KEYS[key];
      action?.(player);
      return action !== undefined;
    },
  };
  return player;
}

const KEYS: Readonly<Record<string, (player: Player) => void>> = {
  ArrowLeft: (player) => player.move(-1),
  ArrowRight: (player) => player.move(1),
  ArrowDown: (player) => player.enter(),
  ArrowUp: (player) => player.leave(),
  Home: (player) => player.first(),
  End: (player) => player.last(),
  ' ': (player) => player.toggle(),
  '+': (player) => player.faster(1),
  '=': (player) => player.faster(1),
  '-': (player) => player.faster(-1),
};
