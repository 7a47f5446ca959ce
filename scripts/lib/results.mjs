const STRICT = 'TRM_TEST_STRICT lets nothing be skipped here:';

/**
 * Whether whatever a stage skips counts as failed: where the caller has installed all that the stage needs. CI=true alone
 * does not say that: a machine without Electron or Chromium is no fault of the project.
 * @param {string} stage
 * @param {NodeJS.ProcessEnv} [env] TRM_TEST_STRICT: 1 for every stage, or their names
 */
export function isStrict(stage, env = process.env) {
  const wanted = (env.TRM_TEST_STRICT ?? '').split(',').map((name) => name.trim());
  return ['1', 'true', stage].some((name) => wanted.includes(name));
}

/**
 * What a stage found. Stages that are not test runners count as one.
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} skippedNames
 */

/**
 * @param {any} json vitest's JSON report
 * @returns {Counts}
 */
export function vitestCounts(json) {
  /** @type {Counts} */
  const counts = { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
  for (const file of json.testResults ?? []) {
    const tests = file.assertionResults ?? [];
    // A file that cannot even be loaded has no tests to report.
    if (file.status === 'failed' && !tests.some((/** @type {any} */ test) => test.status === 'failed')) counts.failed++;
    for (const test of tests) {
      if (test.status === 'passed') counts.passed++;
      else if (test.status === 'failed') counts.failed++;
      else {
        counts.skipped++;
        counts.skippedNames.push(test.fullName ?? test.title);
      }
    }
  }
  return counts;
}

/**
 * @param {any} json Playwright's JSON report
 * @returns {Counts}
 */
export function playwrightCounts(json) {
  /** @type {Counts} */
  const counts = { passed: 0, failed: (json.errors ?? []).length, skipped: 0, skippedNames: [] };
  /** @param {any} suite @param {string} above */
  const visit = (suite, above) => {
    for (const spec of suite.specs ?? [])
      for (const test of spec.tests ?? []) {
        if (test.status === 'skipped') {
          counts.skipped++;
          counts.skippedNames.push(`${above}${spec.title}`);
          // "flaky" passed at a second attempt; only tests that ask for attempts can be that.
        } else if (test.status === 'expected' || test.status === 'flaky') counts.passed++;
        else counts.failed++;
      }
    for (const child of suite.suites ?? []) visit(child, `${above}${child.title} › `);
  };
  for (const suite of json.suites ?? []) visit(suite, '');
  return counts;
}

/**
 * @typedef {object} Result
 * @property {string} stage
 * @property {'passed' | 'failed' | 'skipped'} result
 * @property {number} seconds
 * @property {Counts} counts
 * @property {string} note
 */

/**
 * The verdict on a stage that ran.
 * @param {object} ran
 * @param {string} ran.stage
 * @param {number} ran.seconds
 * @param {number | null} ran.code     null: ended by a time limit
 * @param {string} ran.how             how it ended, if not by an exit code
 * @param {Counts | null} ran.counts   of a test runner; null where there is none, or no report
 * @param {boolean} ran.isRunner
 * @param {boolean} ran.strict         nothing may be skipped
 * @returns {Result}
 */
export function judge({ stage, seconds, code, how, counts, isRunner, strict }) {
  const own = { passed: 0, failed: 0, skipped: 0, skippedNames: [], ...counts };
  let note = '';
  if (!isRunner) own[code === 0 ? 'passed' : 'failed'] = 1;
  else if (!counts) note = 'it left no report';
  else if (own.passed + own.failed + own.skipped === 0) note = 'it found no tests';
  if (code === null) note = how;
  // An exit code that the counts do not explain (a crash, a handle left open, an error outside of tests) is a failure.
  if ((note || code !== 0) && own.failed === 0) {
    own.failed = 1;
    note ||= `exit code ${code}`;
  }
  if (own.skipped && strict) {
    note = `${STRICT} ${names(own.skippedNames)}`;
    own.failed += own.skipped;
    own.skipped = 0;
  } else if (own.skipped) note ||= `${own.skipped} skipped: ${names(own.skippedNames)}`;
  return { stage, result: own.failed ? 'failed' : 'passed', seconds, counts: own, note };
}

/**
 * @param {{ stage: string, reason: string, strict: boolean }} skip
 * @returns {Result}
 */
export function judgeSkip({ stage, reason, strict }) {
  const counts = { passed: 0, failed: strict ? 1 : 0, skipped: strict ? 0 : 1, skippedNames: [] };
  return {
    stage,
    result: strict ? 'failed' : 'skipped',
    seconds: 0,
    counts,
    note: strict ? `${STRICT} ${reason}` : reason,
  };
}

/** @param {string[]} list */
function names(list) {
  return list.length > 5 ? `${list.slice(0, 5).join('; ')}; and ${list.length - 5} more` : list.join('; ');
}

/**
 * @param {Result[]} results
 * @returns {string} the table and, alone on the last line, the sum
 */
export function table(results) {
  const width = Math.max(5, ...results.map((result) => result.stage.length));
  const rows = results.map(({ stage, result, seconds, note }) =>
    `${stage.padEnd(width)}  ${result.padEnd(7)}  ${seconds.toFixed(1).padStart(7)}  ${note}`.trimEnd(),
  );
  const sum = (/** @type {'passed' | 'failed' | 'skipped'} */ key) =>
    results.reduce((total, result) => total + result.counts[key], 0);
  return [
    '',
    `${'stage'.padEnd(width)}  result   seconds  notes`,
    ...rows,
    '',
    `${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`,
  ].join('\n');
}
