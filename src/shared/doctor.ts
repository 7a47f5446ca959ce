/** What `trm doctor` and the settings screen say about the machine. */

export type RuntimeRung = 'gpu' | 'cpu' | 'download' | 'wasm';

/** Written by set-up to node_modules/.trm/runtime.json. */
export interface RuntimeReport {
  schema: 1;
  created: string;
  tensorflow_version: string | null;
  variant: RuntimeRung;
  library_dir: string | null;
  addon: string | null;
  rungs: { rung: RuntimeRung; status: 'taken' | 'failed' | 'skipped'; reason: string; fix: string | null }[];
}

/** What the compute process found when it loaded the backend. */
export interface BackendInfo {
  backend: 'tensorflow' | 'wasm';
  /** TensorFlow's version, or the wasm backend's. */
  version: string;
  /** "CPU" or the GPU's name. */
  device: string;
  threads: number;
  /** bytes; null on a CPU. */
  device_memory: number | null;
  /** How a step runs by default: as a recorded graph, or op by op. In a run, how its steps run. */
  execution: 'eager' | 'recorded';
  /** What recorded graphs compute in where forward_dtype is bfloat16. In a run, what its steps compute in. */
  dtype: 'float32' | 'bfloat16';
  /** One sentence on why nothing better was taken, or null. */
  why_not_better: string | null;
}

/** A GPU as the driver's tool lists it. */
export interface GpuInfo {
  /** As nvidia-smi numbers them, by bus. */
  index: number;
  uuid: string;
  name: string;
  memory_bytes: number;
  /** CUDA's, such as 9.0. */
  compute_capability: number;
  /** Version of NVIDIA's driver. */
  driver: string;
}

export interface DoctorReport {
  version: string;
  platform: string;
  node: string;
  electron: string | null;
  cpu: string;
  cores: number;
  memory_bytes: number;
  gpus: GpuInfo[];
  home: string;
  home_writable: boolean;
  /** One sentence on why the home cannot be opened, or null. */
  home_error: string | null;
  /** Null where the home cannot be opened. */
  sqlite_version: string | null;
  backend: BackendInfo | null;
  /** Why no backend could be loaded, if none could. */
  backend_error: string | null;
  runtime: RuntimeReport | null;
  /** How to get a better backend; empty if this is the best. */
  advice: string[];
}
