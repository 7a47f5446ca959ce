/**
 * How far our float32 numbers may lie from the reference's. At the first step both do the same sums in another order;
 * later, AdamATan2 and SignSGD amplify the sign of gradients near zero. For the variants with `mlp_t` and with a single
 * latent a change of the weights by 1e-7 already moves the reference itself by 1e-3 and 4e-3.
 */
import { ARCHITECTURES, mixesBySwiglu } from '../../shared/architectures';
import type { ArchConfig } from '../../shared/config';

/** Step 1: absolute for logits, q and carry; for gradients relative to the tensor's largest. */
export const FIRST = 1e-4;
const LATER = 1e-3;
const LATER_SENSITIVE = 2e-2;
/** Losses and metrics, relative. */
const METRICS = 1e-4;
/**
 * The parts of the loss after the first step, for the sensitive variants: as much wider as their outputs. Weights moved by
 * 1e-7 move the reference's own `q_halt_loss` there by 2e-4 to 6e-2, and its float32 lies 2e-4 from its float64.
 */
const PARTS_SENSITIVE = METRICS * (LATER_SENSITIVE / LATER);
/** Weights after an update: all but 0.1 % of the elements this near … */
export const WEIGHTS_NEAR = 2e-5;
export const WEIGHTS_SHARE = 1e-3;
/** … and none further than this many learning rates. */
export const WEIGHTS_FAR = 2;
/** Learning rates are the same formula in float64. */
export const LEARNING_RATE = 1e-9;
/** Of the tensor's largest: a gradient below is what float32 leaves of an exact zero. */
export const NOISE = 3e-6;

const sensitive = (arch: ArchConfig): boolean =>
  mixesBySwiglu(arch) || ARCHITECTURES[arch.name].preset === 'trm_singlez';

/** For everything after the first step, and for evaluation. */
export const later = (arch: ArchConfig): number => (sensitive(arch) ? LATER_SENSITIVE : LATER);

/** Of a loss or metric at step k, relative; the whole loss is held to the same everywhere. */
export const lossTolerance = (arch: ArchConfig, key: string, k: number): number =>
  k > 1 && key.endsWith('_loss') && sensitive(arch) ? PARTS_SENSITIVE : METRICS;
