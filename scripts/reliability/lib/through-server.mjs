#!/usr/bin/env node
// node scripts/reliability/lib/through-server.mjs ENTRIES HOME run|evaluation
// A job by the window's road: a server, a socket, and the calls that the window makes. Takes up what is there, else begins.
// Ends as the command line would: 0, or 1 with a sentence. The server must answer at the end, and go when it is asked to.
import { openWindow, Refusal, sleep, startServer, until } from './studio.mjs';

const [entries, home, what] = process.argv.slice(2);
const EPOCHS = 40;
/** A server that is asked to end saves first. */
const LEAVE_S = 30;

/** @param {import('./studio.mjs').Window} window @returns {Promise<any>} how the run was at its end */
async function run(window) {
  const runs = await window.call('runs.list');
  const [first] = runs.filter((/** @type {any} */ { name }) => name === 'run');
  let mine = runs.find((/** @type {any} */ { name }) => name === 'again');
  if (mine) await window.call('runs.resume', { run: mine.id });
  else {
    const { config, dataset } = await window.call('runs.get', { run: first.id });
    const longer = { ...config, epochs: EPOCHS, eval_interval: EPOCHS };
    mine = await window.call('runs.create', { name: 'again', preset: null, config: longer, dataset, recipe: null });
  }
  const ended = await until(
    () => window.call('runs.get', { run: mine.id }),
    ({ status }) => /^(done|failed|stopped|paused)$/.test(status),
    'the end of the run',
  );
  return { status: ended.status, error: ended.reason };
}

/** @param {import('./studio.mjs').Window} window @returns {Promise<any>} */
async function evaluation(window) {
  const [first] = await window.call('runs.list');
  const [checkpoint] = await window.call('runs.checkpoints', { run: first.id });
  const [known] = await window.call('evaluations.list', {});
  if (known) await window.call('evaluations.resume', { evaluation: known.id });
  const { id } = known ?? (await window.call('evaluations.create', { checkpoint: checkpoint.id, act_steps: 1000 }));
  return until(
    () => window.call('evaluations.get', { evaluation: id }),
    ({ status }) => /^(done|failed|stopped)$/.test(status),
    'the end of the evaluation',
  );
}

/** @param {string} sentence */
const fail = (sentence) => {
  process.stderr.write(`${sentence}\n`);
  process.exitCode = 1;
};

/** @type {Awaited<ReturnType<typeof startServer>> | null} */
let server = null;
try {
  server = await startServer(home, { entries });
  const window = await openWindow(server.address);
  const { status, error } = await (what === 'run' ? run(window) : evaluation(window));
  if (status !== 'done') fail(error ?? `It is ${status}, and nobody says why`);
  // Whatever came of it, the next call is answered: with a result, or with a sentence.
  await window.call('runs.list').catch((/** @type {unknown} */ refused) => {
    if (!(refused instanceof Refusal)) throw refused;
  });
  await window.close();
} catch (error) {
  const { message } = /** @type {Error} */ (error);
  fail(error instanceof Refusal ? error.sentence : message.replace(/^the server ended: /, ''));
}
if (server) {
  const gone = await Promise.race([server.stop(), sleep(LEAVE_S * 1000).then(() => null)]);
  if (gone === null) {
    fail(`the server did not end within ${LEAVE_S} s`);
    server.child.kill('SIGKILL');
  }
  const said = server.stderr();
  if (/\n\s+at /.test(said)) fail(said);
}
process.exit();
