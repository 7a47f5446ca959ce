/** The app itself: what it runs on, and its settings. */
import { z } from 'zod';
import type { BackendInfo, DoctorReport } from '../doctor';
import { method, none } from './method';

export interface AppInfo {
  version: string;
  home: string;
  transport: 'electron' | 'web';
  platform: string;
  /** Bumped when the home was made; false once any run or dataset exists: the first-run cards are shown while true. */
  first_run: boolean;
}

export interface ComputeState {
  backend: BackendInfo | null;
  error: string | null;
  /** Of the compute processes together, bytes. */
  memory_bytes: number | null;
  running: string | null;
}

const SETTINGS = {
  theme: z.enum(['system', 'light', 'dark']),
  palette: z.enum(['official', 'symbols']),
  /** The renderer's own memory: screen, selection, zoom. */
  view: z.record(z.string(), z.unknown()),
};
export const SettingsSchema = z.strictObject({
  theme: SETTINGS.theme.default('system'),
  palette: SETTINGS.palette.default('official'),
  view: SETTINGS.view.default({}),
});
/** Only what is given. `SettingsSchema.partial()` would fill in the defaults, and so reset whatever is not. */
const SettingsPatchSchema = z.strictObject(SETTINGS).partial();
export type Settings = z.output<typeof SettingsSchema>;

/** `go` names a screen by its first path segment. */
export type AppCommand =
  | {
      command: 'go';
      screen: 'tasks' | 'datasets' | 'runs' | 'evaluations' | 'solve' | 'playback' | 'settings' | 'new-run';
    }
  | { command: 'import' | 'palette' | 'shortcuts' };
export const appMethods = {
  'app.info': method<AppInfo>()(none),
  'app.doctor': method<DoctorReport>()(none),
  'app.compute': method<ComputeState>()(none),
  'settings.get': method<Settings>()(none),
  'settings.set': method<Settings>()(SettingsPatchSchema),
} as const;

export interface AppEvents {
  'compute.changed': ComputeState;
  'settings.changed': Settings;
  /** Chosen in the native menu or by a second start; the window acts as if its own control had been used. Electron only. */
  'app.command': AppCommand;
}
