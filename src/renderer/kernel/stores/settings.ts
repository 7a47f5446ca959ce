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
    const kept = await useClient().call('settings.get', {});
    unsaved = readUnsaved();
    settings.value = { ...kept, view: { ...kept.view, ...unsaved } };
    loaded.value = true;
    if (Object.keys(unsaved).length) flush();
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
  /** What the studio has not confirmed yet. */
  let unsaved: Record<string, unknown> = {};
  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const sent = { ...unsaved };
    useClient()
      .call('settings.set', { view: settings.value.view })
      .then(
        () => {
          for (const [key, value] of Object.entries(sent)) if (unsaved[key] === value) delete unsaved[key];
          keepUnsaved(unsaved);
        },
        // Memory of the view is a comfort: not worth an error on the screen, and the next change tries again.
        () => undefined,
      );
  }

  /** Remembers a value of the view; written at most twice a second, and when the window goes. */
  function remember(key: string, value: unknown): void {
    if (!loaded.value || JSON.stringify(settings.value.view[key]) === JSON.stringify(value)) return;
    settings.value.view = { ...settings.value.view, [key]: value };
    // A reload within the half second may cut the connection before the studio hears of it.
    unsaved[key] = value;
    keepUnsaved(unsaved);
    timer ??= setTimeout(flush, 500);
  }
  window.addEventListener('pagehide', () => timer && flush());

  return { settings, loaded, dark, load, listen, set, remember };
});

const UNSAVED = 'trm-studio.view';

/** A browser may refuse its storage; then only the studio remembers. */
function keepUnsaved(values: Record<string, unknown>): void {
  try {
    if (Object.keys(values).length) sessionStorage.setItem(UNSAVED, JSON.stringify(values));
    else sessionStorage.removeItem(UNSAVED);
  } catch {
    return;
  }
}

function readUnsaved(): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(UNSAVED) ?? '{}');
    return typeof found === 'object' && found !== null ? { ...found } : {};
  } catch {
    return {};
  }
}
