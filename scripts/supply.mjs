#!/usr/bin/env node
// node scripts/supply.mjs [--sbom FILE] [--lock FILE] [--strict]: what the app stands on, by package-lock.json. Licences must
// be on the list below; known vulnerabilities are asked of the registry, where it can be asked; --sbom writes a CycloneDX
// list of all packages, equal for equal lockfiles. Exit code 1: a licence that is not on the list; with --strict also a known
// vulnerability. npm test, and CI with it, asks without --strict and prints them: what became known today is no fault of
// yesterday's checkout. Before a release, ask with it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './lib/paths.mjs';
import { run } from './lib/process.mjs';

/** They ask for their text to be kept (THIRD_PARTY_NOTICES.md) and for nothing else. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT', 'OFL-1.1'];
/** Tools that are not in the app: MPL asks for changed files only, CC-BY is that of a table of browsers. */
const ALLOWED_TOOLS = [...ALLOWED, 'CC-BY-4.0', 'MPL-2.0', 'Python-2.0'];

/**
 * @param {string} expression of SPDX: names with AND and OR
 * @param {readonly string[]} allowed
 * @returns {boolean}
 */
export function isAllowed(expression, allowed) {
  const plain = expression.replace(/[()]/g, ' ');
  // AND binds closer than OR; brackets that say otherwise do not occur, and would only be judged more strictly.
  return plain.split(/\sOR\s/).some((choice) => choice.split(/\sAND\s/).every((name) => allowed.includes(name.trim())));
}

/**
 * @param {{ packages: Record<string, { version?: string, license?: string, dev?: boolean, link?: boolean }> }} lock
 * @returns {{ packages: number, tools: number, faults: string[] }}
 */
export function checkLicences(lock) {
  const entries = Object.entries(lock.packages).filter(([path, { link }]) => path !== '' && !link);
  const faults = entries.flatMap(([path, { version, license, dev }]) => {
    if (license && isAllowed(license, dev ? ALLOWED_TOOLS : ALLOWED)) return [];
    const name = path.replace(/^.*node_modules\//, '');
    const what = license ? `has the licence ${license}, which is not on the list` : 'names no licence';
    return [`${name} ${version} ${what} of scripts/supply.mjs: choose another package, or add it with a reason.`];
  });
  const tools = entries.filter(([, { dev }]) => dev).length;
  return { packages: entries.length - tools, tools, faults };
}

/**
 * @param {string} report what `npm audit --json` wrote
 * @returns {{ asked: string } | { found: string[] }} found: those of the app itself, one sentence each
 */
export function readAudit(report) {
  let parsed;
  try {
    parsed = JSON.parse(report);
  } catch {
    return { asked: 'npm gave no report' };
  }
  if (!parsed.vulnerabilities) {
    return { asked: `the registry does not answer${parsed.statusCode ? ` (HTTP ${parsed.statusCode})` : ''}` };
  }
  /** @type {{ name: string, severity: string, range: string, fixAvailable: unknown }[]} */
  const list = Object.values(parsed.vulnerabilities);
  return {
    found: list.map(({ name, severity, range, fixAvailable }) => {
      const fix = fixAvailable ? 'npm audit fix knows a newer version' : 'no newer version is known';
      return `${name} ${range} has a known vulnerability (${severity}): ${fix}.`;
    }),
  };
}

/**
 * Without what differs from call to call, and from folder to folder.
 * @param {string} text of `npm sbom`
 * @param {{ name: string }} pkg
 */
export function reproducible(text, pkg) {
  const bom = JSON.parse(text);
  delete bom.serialNumber;
  delete bom.metadata.timestamp;
  delete bom.metadata.tools;
  bom.metadata.component.name = pkg.name;
  bom.components.sort(byRef);
  bom.dependencies.sort(byRef);
  return `${JSON.stringify(bom, null, 2)}\n`;
}

/** @param {Record<string, string>} a @param {Record<string, string>} b */
const byRef = (a, b) => ((a['bom-ref'] ?? a.ref) < (b['bom-ref'] ?? b.ref) ? -1 : 1);

/** npm, in the checkout. @param {string[]} args */
const npm = (args) => run('npm', args, { cwd: ROOT, timeout: 120_000, shell: process.platform === 'win32' });

async function main() {
  const { values } = parseArgs({
    options: { sbom: { type: 'string' }, lock: { type: 'string' }, strict: { type: 'boolean', default: false } },
  });
  const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);
  const { packages, tools, faults } = checkLicences(
    JSON.parse(readFileSync(values.lock ?? join(ROOT, 'package-lock.json'), 'utf8')),
  );
  say(`Licences: ${packages} packages of the app and ${tools} tools, ${faults.length} not on the list.`);
  const audit = readAudit((await npm(['audit', '--omit=dev', '--json'])).stdout);
  if ('asked' in audit) say(`Vulnerabilities: not asked, ${audit.asked}.`);
  else {
    say(`Vulnerabilities: ${audit.found.length} known in the app.`);
    if (values.strict) faults.push(...audit.found);
    else audit.found.forEach(say);
  }
  if (values.sbom) {
    const { code, stdout, stderr } = await npm(['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only']);
    if (code !== 0) faults.push(`The SBOM could not be made: ${stderr.trim().split('\n').at(-1)}`);
    else {
      const pkg = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
      writeFileSync(values.sbom, reproducible(stdout, pkg));
      say(`SBOM: ${values.sbom}`);
    }
  }
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  return faults.length ? 1 : 0;
}

if (process.argv[1] === import.meta.filename || process.argv[1]?.endsWith('supply.mjs')) process.exit(await main());
