import { SettingsSchema, type Settings } from '@shared/contract/app';
import { defineStore } from 'pinia';
import { computed, ref, watch } from 'vue';
import { useClient } from '../client';
import { notifyError } from '../notices';

/** Theme, palette, and the window's own memory (`view`), kept by the studio so that they survive a restart. */
export const useSettings = defineStore('settings', () => {
  const settings = ref<Settings>(SettingsSchema.parse({}));
  const loaded = ref(false);
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  const systemDark = ref(system.matches);
  system.addEventListener('change', (event) => (systemDark.value = event.matches));

  const dark = computed(() => (settings.value.theme === 'system' ? systemDark.value : settings.value.theme === 'dark'));
  watch(dark, (on) => document.documentElement.classList.toggle('dark', on), { immediate: true });

  async function load(): Promise<void> {
    settings.value = await useClient().call('settings.get', {});
    loaded.value = true;
  }

  /** Another window may change theme and palette; the memory of this one stays its own. */
  function listen(): void {
    useClient().on('settings.changed', (next) => (settings.value = { ...next, view: settings.value.view }));
  }

  async function set(change: Partial<Omit<Settings, 'view'>>): Promise<void> {
    const before = settings.value;
    settings.value = { ...before, ...change };
    try {
      await useClient().call('settings.set', change);
    } catch (error) {
      settings.value = { ...before, view: settings.value.view };
      notifyError('The setting was not saved', error);
    }
  }

  let timer: ReturnType<typeof setTimeout> | undefined;
  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    // Memory of the view is a comfort: not worth an error on the screen, and the next change tries again.
    void useClient()
      .call('settings.set', { view: settings.value.view })
      .catch(() => undefined);
  }

  /** Remembers a value of the view; written at most twice a second, and when the window goes. */
  function remember(key: string, value: unknown): void {
    if (!loaded.value || JSON.stringify(settings.value.view[key]) === JSON.stringify(value)) return;
    settings.value.view = { ...settings.value.view, [key]: value };
    timer ??= setTimeout(flush, 500);
  }
  window.addEventListener('pagehide', () => timer && flush());

  return { settings, loaded, dark, load, listen, set, remember };
});
