/**
 * fast-check with one seed, so that a run of the tests is the same everywhere and what fails here fails for everybody.
 * TRM_TEST_SEED=N looks elsewhere.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.TRM_TEST_SEED ?? 1) });

export default fc;
