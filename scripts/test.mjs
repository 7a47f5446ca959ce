#!/usr/bin/env node
// npm test: set-up, then every check there is. `npm test -- unit electron` runs only those stages.
import { spawn } from 'node:child_process';
import { Console } from './lib/console.mjs';
import { ensure, runMain } from './lib/ensure.mjs';
import { readJson, remove } from './lib/files.mjs';
import { withNode } from './lib/node.mjs';
import { pathsFor } from './lib/paths.mjs';
import { Problem, sentence } from './lib/problem.mjs';
import { isStrict, judge, judgeSkip, table } from './lib/results.mjs';
import { ALIASES, stagesOf } from './lib/stages.mjs';

/**
 * @param {string} line
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, minutes: number }} options
 * @returns {Promise<{ code: number | null, how: string }>}
 */
function shell(line, { cwd, env, minutes }) {
  return new Promise((resolve) => {
    const group = process.platform !== 'win32';
    // A group of its own, so that a stage that runs out of time takes its browsers and workers with it.
    const child = spawn(line, { cwd, env, shell: true, stdio: ['ignore', 'inherit', 'inherit'], detached: group });
    let late = false;
    /** @param {NodeJS.Signals} signal */
    const kill = (signal) => {
      try {
        if (child.pid !== undefined) process.kill(group ? -child.pid : child.pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    };
    const limit = setTimeout(() => {
      late = true;
      kill('SIGTERM');
      setTimeout(() => kill('SIGKILL'), 10_000).unref();
    }, minutes * 60_000);
    /** @param {NodeJS.Signals} signal */
    const interrupted = (signal) => {
      kill(signal);
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
    /** @param {number | null} code @param {string | null} signal */
    const done = (code, signal) => {
      clearTimeout(limit);
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
      // What the stage left running (a server, a browser) must not disturb the next one.
      kill('SIGKILL');
      resolve({ code: late ? null : code, how: late ? `ended after ${minutes} minutes` : `ended by ${signal}` });
    };
    child.on('error', () => done(127, null));
    child.on('exit', done);
  });
}

/** @param {string[]} given @param {string} root */
function choose(given, root) {
  const names = given.flatMap((name) => ALIASES[name] ?? name);
  const all = stagesOf(root);
  const unknown = names.find((name) => !all.some((stage) => stage.name === name));
  if (unknown)
    throw new Problem(`${unknown} is not a stage of npm test.`, {
      fix: `There are ${all.map((stage) => stage.name).join(', ')}.`,
      exitCode: 2,
    });
  return all.filter((stage) => !names.length || names.includes(stage.name));
}

await runMain(async () => {
  const paths = pathsFor();
  const stages = choose(process.argv.slice(2), paths.root);
  const console = new Console({ log: paths.log });
  const { node } = await ensure({ paths, console });
  const env = withNode(paths.modules, node);
  /** @type {import('./lib/results.mjs').Result[]} */
  const results = [];
  for (const { name, title, minutes, prepare } of stages) {
    const strict = isStrict(name);
    const command = await prepare({ paths, node, console, env });
    if (typeof command === 'string') {
      process.stdout.write(`\n== ${title}: skipped: ${command}\n`);
      results.push(judgeSkip({ stage: name, reason: command, strict }));
      continue;
    }
    process.stdout.write(`\n== ${title}\n`);
    const { line, report } = command;
    if (report) remove(report.file);
    const started = Date.now();
    const { code, how } = await shell(line, { cwd: paths.root, env: { ...env, ...command.env }, minutes });
    const seconds = (Date.now() - started) / 1000;
    const json = report ? readJson(report.file) : null;
    const counts = report && json ? report.read(json) : null;
    const result = judge({ stage: name, seconds, code, how, counts, isRunner: Boolean(report), strict });
    results.push(result);
    process.stdout.write(`== ${title}: ${result.result} (${seconds.toFixed(1)} s)\n`);
  }
  process.stdout.write(`${table(results)}\n`);
  return results.some((result) => result.result === 'failed') ? 1 : 0;
}, sentence);
