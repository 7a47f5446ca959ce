import type { Migration } from '../migrate';
import { initial } from './001-initial';
import { evaluations } from './002-evaluations';
import { traceDetail } from './003-trace-detail';
import { solves } from './004-solves';
import { solveTraces } from './005-solve-traces';
import { resumeAtStart } from './006-resume-at-start';
import { traceNetwork } from './007-trace-network';

/** Every migration, in order. A released one is never edited: add the next number. */
export const MIGRATIONS: readonly Migration[] = [
  initial,
  evaluations,
  traceDetail,
  solves,
  solveTraces,
  resumeAtStart,
  traceNetwork,
];
