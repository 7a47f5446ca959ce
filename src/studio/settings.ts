import { COMPUTE_KEYS, SettingsSchema, type Settings } from '../shared/contract/app';
import type { Context } from './context';

/** What is stored, with defaults for the rest; a value that no longer fits gives way to its default. */
export function getSettings({ store }: Pick<Context, 'store'>): Settings {
  const stored = store.settings.all();
  const valid: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(SettingsSchema.shape)) {
    const parsed = schema.safeParse(stored[key]);
    if (parsed.success) valid[key] = parsed.data;
  }
  return SettingsSchema.parse(valid);
}

export function setSettings(context: Context, patch: Partial<Settings>): Settings {
  context.store.settings.set(patch);
  const settings = getSettings(context);
  if (COMPUTE_KEYS.some((key) => patch[key] !== undefined)) context.supervisor.refresh();
  context.events.emit('settings.changed', settings);
  return settings;
}
