/** How TRM and its variants halt. Source: the reference's `trm.py`, whose continue head raises there and works here. */
import type { ArchConfig } from '../../shared/config';
import type { Halting } from './architecture';

/** With `no_ACT_continue` by q_halt alone, else by comparison with a q_continue that learns. */
export const trmHalting = ({ no_ACT_continue }: Pick<ArchConfig, 'no_ACT_continue'>): Halting => ({
  adaptive: true,
  comparesContinue: !no_ACT_continue,
  learnsContinue: !no_ACT_continue,
  inference: false,
});
