/** `trm train --dry-run` and `trm bench graph`: memory, parts and time of what is not run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freshFolder } from './home';
import { jsonLines, runCli } from './processes';

interface DryRun {
  memory: Record<string, number>;
  peak_bytes: number;
  fits: boolean;
  micro_batch: number;
  step_s: number;
  steps: number;
  hours: number;
}

describe('trm train --dry-run', () => {
  it('says memory by kind, the part that fits and how long it takes, and trains nothing', async () => {
    const home = freshFolder();
    const args = ['train', '--preset', 'arc-small', '--dry-run', '--home', home];
    const { stdout, code } = await runCli([...args, '--json']);
    expect(code).toBe(0);
    const [told] = jsonLines(stdout) as unknown as DryRun[];
    expect(told.fits).toBe(true);
    // A small model: the whole batch at once.
    expect(told.micro_batch).toBe(32);
    expect(Object.values(told.memory).reduce((a, b) => a + b, 0)).toBe(told.peak_bytes);
    expect(told.memory.moments).toBe(2 * told.memory.average);
    expect(told.step_s).toBeGreaterThan(0);
    expect(told.hours).toBeCloseTo((told.step_s * told.steps) / 3600, 9);
    // The device's speed is measured once.
    const speeds = readFileSync(join(home, 'device-speed.json'), 'utf8');
    const again = await runCli([...args, 'studio.micro_batch=8']);
    expect(again.stdout).toMatch(/It fits CPU with [\d.]+ GB, 8 of 32 puzzles at a time\./);
    expect(readFileSync(join(home, 'device-speed.json'), 'utf8')).toBe(speeds);
    expect(jsonLines((await runCli(['runs', '--home', home, '--json'])).stdout)).toEqual([]);
  });

  it('does not go with --resume', async () => {
    const { code, stderr } = await runCli(['train', '--resume', 'x', '--dry-run', '--home', freshFolder()]);
    expect(code).toBe(2);
    expect(stderr).toContain('--dry-run does not go with --resume');
  });
});

describe('trm bench graph', () => {
  it('counts the graph for a GPU that is not here', async () => {
    const args = ['bench', 'graph', '--config', 'canvas', '--batch', '64', '--device-memory'];
    const { stdout } = await runCli([...args, '24GB', '--json']);
    const [told] = jsonLines(stdout) as unknown as Record<string, number>[];
    expect(told).toMatchObject({ config: 'canvas', batch: 64, micro_batch: 64, fits: true });
    expect(told.nodes).toBeLessThan(15_000);
    expect(told.kernel_nodes).toBeLessThan(told.nodes);
    for (const name of ['graph_bytes', 'record_s', 'peak_bytes']) expect(told[name], name).toBeGreaterThan(0);
    const wrong = await runCli([...args, '24 potatoes']);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('use a size such as 80GB or 24GiB')]);
  });
});
