/** The app itself: what it runs on, and its settings. */
import { z } from 'zod';
import type { BackendInfo, DoctorReport } from '../doctor';
import type { ScreenId } from '../screens';
import { method, none } from './method';

export interface AppInfo {
  version: string;
  home: string;
  transport: 'electron' | 'web';
  platform: string;
  /** True until the first run or dataset exists: the cards of the first start are shown while it is. */
  first_run: boolean;
}

export interface ComputeState {
  backend: BackendInfo | null;
  error: string | null;
  /** Of the compute processes together, bytes. */
  memory_bytes: number | null;
  running: string | null;
}

/** A number of CUDA's, several of them, none at all, or TensorFlow's own choice. */
const GPU_CHOICE = /^(|none|\d{1,2}(,\d{1,2})*)$/;

/** What a process of tensors is started with. */
const COMPUTE_SETTINGS = {
  /** 0: as many as this machine has physical cores to give. */
  threads: z.number().int().min(0).max(1024),
  /** Empty: TensorFlow's choice; `none`: the CPU; else the device's number. */
  gpu: z.string().regex(GPU_CHOICE),
  /** False takes all of the GPU's memory at once, as TensorFlow does by itself. */
  gpu_memory_growth: z.boolean(),
  /** XLA's auto-clustering, which compiles the step's graph at its first run. */
  xla: z.boolean(),
};

const SETTINGS = {
  ...COMPUTE_SETTINGS,
  theme: z.enum(['system', 'light', 'dark']),
  palette: z.enum(['official', 'symbols']),
  /** The renderer's own memory: screen, selection, zoom. */
  view: z.record(z.string(), z.unknown()),
};
export const SettingsSchema = z.strictObject({
  threads: COMPUTE_SETTINGS.threads.default(0),
  gpu: COMPUTE_SETTINGS.gpu.default(''),
  gpu_memory_growth: COMPUTE_SETTINGS.gpu_memory_growth.default(true),
  xla: COMPUTE_SETTINGS.xla.default(false),
  theme: SETTINGS.theme.default('system'),
  palette: SETTINGS.palette.default('official'),
  view: SETTINGS.view.default({}),
});
/** Only what is given. `SettingsSchema.partial()` would fill in the defaults, and so reset whatever is not. */
const SettingsPatchSchema = z.strictObject(SETTINGS).partial();
export type Settings = z.output<typeof SettingsSchema>;
export type ComputeSettings = Pick<Settings, keyof typeof COMPUTE_SETTINGS>;
export const COMPUTE_KEYS = Object.keys(COMPUTE_SETTINGS) as (keyof ComputeSettings)[];

/** `go` names a screen by its first path segment. */
export type AppCommand =
  { command: 'go'; screen: ScreenId | 'new-run' } | { command: 'import' | 'palette' | 'shortcuts' };

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
