/** One measurement, in a process that does nothing else. The last line on stdout is its result. */
import type { OwnJob } from './jobs';
import { printJson } from '../output';

export async function runOne(job: OwnJob): Promise<void> {
  const { loadBackend } = await import('../../core/backend/load');
  const { benchModel } = await import('../../core/bench/configs');
  const measure = await import('../../core/bench/measure');
  const { bfloat16Gains } = await import('../../core/backend/bfloat16');
  const info = await loadBackend();
  const version =
    info.backend === 'tensorflow' ? `TensorFlow ${info.version} on ${info.device}` : `wasm ${info.version}`;
  const runs = { warm: job.warm, steps: job.steps };
  const model = benchModel(job.config, job.dtype, job.batch);
  switch (job.what) {
    case 'step':
      return printJson(measure.measureStep(model, job.execution, runs, version));
    case 'profile':
      return printJson(measure.profileStep(model, runs));
    case 'eval':
      return printJson(measure.measureEvaluation(model, job.execution, runs, version));
    case 'trace':
      return printJson(await measure.measureTrace(model, runs, version));
    case 'peak': {
      const low = job.dtype === 'bfloat16';
      return printJson({ flops: low && !bfloat16Gains() ? null : measure.matmulPeak(low), version });
    }
    case 'soak': {
      const { soak } = await import('../../core/bench/soak');
      return printJson(await soak(job.steps, job.execution, (sample) => printJson(sample)));
    }
  }
}
