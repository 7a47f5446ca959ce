/** What the app stands on: licences of a lockfile, the registry's answers, a list that is equal for equal lockfiles. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkLicences, isAllowed, readAudit, reproducible } from '../../scripts/supply.mjs';

const lock = (license: string | undefined, dev = false) => ({
  packages: { '': {}, 'node_modules/a/node_modules/@b/c': { version: '1.2.3', license, dev } },
});

describe('licences', () => {
  it('of this checkout are all on the list', () => {
    const own = JSON.parse(readFileSync(join(__dirname, '..', '..', 'package-lock.json'), 'utf8')) as never;
    expect(checkLicences(own).faults).toEqual([]);
  });

  it.each(['GPL-3.0', 'SSPL-1.0', 'MIT AND GPL-2.0-only', 'SEE LICENSE IN x', undefined])('%s is refused', (name) => {
    const { faults } = checkLicences(lock(name));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/^@b\/c 1\.2\.3 (has the licence|names no licence).*\.$/);
  });

  it('of a tool may be ones that the app may not have', () => {
    expect(checkLicences(lock('MPL-2.0', true)).faults).toEqual([]);
    expect(checkLicences(lock('MPL-2.0')).faults).toHaveLength(1);
  });

  it('are read as SPDX writes them', () => {
    expect(isAllowed('(BSD-3-Clause AND Apache-2.0)', ['BSD-3-Clause', 'Apache-2.0'])).toBe(true);
    expect(isAllowed('GPL-2.0 OR MIT', ['MIT'])).toBe(true);
    expect(isAllowed('GPL-2.0 AND MIT', ['MIT'])).toBe(false);
  });
});

describe('the registry', () => {
  it('that does not answer is no fault', () => {
    expect(readAudit('{"message":"405 Method Not Allowed","statusCode":405}')).toEqual({
      asked: 'the registry does not answer (HTTP 405)',
    });
    expect(readAudit('')).toEqual({ asked: 'npm gave no report' });
  });

  it('is heard where it knows of one', () => {
    const one = { name: 'ws', severity: 'high', range: '8.0.0 - 8.17.0', fixAvailable: true };
    expect(readAudit(JSON.stringify({ auditReportVersion: 2, vulnerabilities: { ws: one } }))).toEqual({
      found: ['ws 8.0.0 - 8.17.0 has a known vulnerability (high): npm audit fix knows a newer version.'],
    });
    expect(readAudit('{"vulnerabilities":{}}')).toEqual({ found: [] });
  });
});

it('the SBOM of one lockfile is the same in every folder and at every time', () => {
  const made = (folder: string, order: number) => {
    const parts = [{ 'bom-ref': 'a@1' }, { 'bom-ref': 'b@1' }];
    return JSON.stringify({
      serialNumber: `urn:uuid:${order}`,
      metadata: { timestamp: `${order}`, tools: [order], component: { name: folder } },
      components: order ? parts : [...parts].reverse(),
      dependencies: [{ ref: 'a@1' }, { ref: 'b@1' }],
    });
  };
  const pkg = { name: 'trm-studio' };
  expect(reproducible(made('here', 0), pkg)).toBe(reproducible(made('there', 1), pkg));
  expect(JSON.parse(reproducible(made('here', 0), pkg))).toMatchObject({ metadata: { component: pkg } });
});
