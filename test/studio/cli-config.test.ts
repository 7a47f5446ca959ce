/** `trm train --print-config`, and command lines of the reference pasted behind `trm train`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllConfig } from '../../src/core/checkpoint/import/all-config';
import { presetConfig } from '../../src/shared/presets';
import { freshFolder } from './home';
import { jsonLines, runCli } from './processes';

const TINY = resolve(__dirname, '..', 'golden', 'arc-tiny', 'expected');
const ARC1 = resolve(__dirname, '..', 'golden', 'all-config', 'arc1.yaml');

describe('--print-config', () => {
  it('shows every value with where it came from, as YAML that --config takes again', async () => {
    const folder = freshFolder();
    // What a shell makes of the published command, launcher and all.
    const pasted = [
      ...['torchrun', '--nproc-per-node', '4', '--rdzv_backend=c10d', '--nnodes=1', 'pretrain.py', 'arch=trm'],
      ...['data_paths=[data/arc1]', 'arch.L_cycles=4', '+run_name=', 'ema=True'],
    ];
    const shown = await runCli(['train', ...pasted, '--print-config', '--max-steps', '9'], {
      env: { TRM_HOME: folder },
    });
    expect(shown.stderr).toBe(
      'The command is for 4 processes; here one process computes the whole of global_batch_size, with the same result.\n',
    );
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/^ {2}L_cycles: 4 +# override: arch\.L_cycles=4$/m);
    expect(shown.stdout).toMatch(/^ {2}H_cycles: 3 +# arch=trm$/m);
    expect(shown.stdout).toMatch(/^lr: 0\.0001 +# default$/m);
    expect(shown.stdout).toMatch(/^ {2}max_steps: 9 +# option: --max-steps$/m);
    expect(shown.stdout).toMatch(/^# dataset data\/arc1: no such folder here/m);
    const { config } = parseAllConfig(shown.stdout);
    const expected = presetConfig('arc-agi-1');
    expect(config).toEqual({ ...expected, data_paths: ['data/arc1'], studio: { ...expected.studio, max_steps: 9 } });

    const file = join(folder, 'c.yaml');
    writeFileSync(file, shown.stdout);
    const again = await runCli(['train', '--config', file, 'seed=3', '--data', TINY, '--print-config', '--json']);
    const [json] = jsonLines(again.stdout);
    expect(json.config).toEqual({ ...config, seed: 3, data_paths: [TINY] });
    expect(json.origins).toMatchObject({
      seed: { from: 'override', text: 'seed=3' },
      epochs: { from: 'file', text: 'c.yaml' },
      data_paths: { from: 'dataset', text: `--data ${TINY}` },
      'studio.log_every_steps': { from: 'file' },
    });
    expect(json.data).toEqual([expect.stringMatching(/arc, vocab_size 12, seq_len 900, .* steps\.$/)]);
  });

  it('reads the reference’s file, without the folder that the earlier run wrote to', async () => {
    const { stdout, stderr, code } = await runCli(['train', '--config', ARC1, '--print-config']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/checkpoint_path of .* is left out/);
    expect(parseAllConfig(stdout).config).toEqual({
      ...parseAllConfig(readFileSync(ARC1, 'utf8')).config,
      checkpoint_path: null,
    });
  });

  it('says in a sentence what is wrong', async () => {
    const cases: [string[], number, string][] = [
      [['--config', ARC1, '--preset', 'maze-hard'], 2, 'use one of them'],
      [['--config', ARC1, 'arch=hrm'], 2, 'arch=hrm does not fit arc1.yaml'],
      [['--config', '/nowhere.yaml'], 1, '/nowhere.yaml does not exist'],
      [['python', 'pretrain.py', '--multirun', 'lr=1'], 2, 'starts several runs'],
    ];
    for (const [args, exit, says] of cases) {
      const ended = await runCli(['train', ...args, '--print-config']);
      expect([ended.code, ended.stderr, ended.stdout]).toEqual([exit, expect.stringContaining(says), '']);
    }
  });
});
