import { getCurrentScope, onScopeDispose, readonly, ref, type Ref } from 'vue';

const now = ref(Date.now());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The time in ms, one tick a second, one timer for everyone who shows "40 s ago". */
export function useClock(): Readonly<Ref<number>> {
  if (getCurrentScope()) {
    if (users++ === 0) {
      now.value = Date.now();
      timer = setInterval(() => (now.value = Date.now()), 1000);
    }
    onScopeDispose(() => {
      if (--users === 0) clearInterval(timer);
    });
  }
  return readonly(now);
}
