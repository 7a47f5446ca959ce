import { dirname, resolve } from 'node:path';
import fc from '../property';
import { describe, expect, it } from 'vitest';
import { answerFiles } from '../../src/cli/commands/solve';

describe('the answers of trm solve', () => {
  it('lie in the folder that was asked for, one file for each task, none of them the submission', () => {
    const out = resolve('/somewhere/answers');
    const names = ['00d62c1b', '../../x', '/etc/passwd', 'submission', 'Submission', '..', 'a/b', 'a-b', 'CON'];
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...names))), (tasks) => {
        const files = [...answerFiles(out, tasks).values()];
        for (const file of files) expect(dirname(resolve(file))).toBe(out);
        expect(new Set(files).size).toBe(tasks.length);
        expect(files).not.toContain(resolve(out, 'submission.json'));
      }),
    );
    expect(answerFiles(out, ['00d62c1b']).get('00d62c1b')).toBe(resolve(out, '00d62c1b.json'));
  });
});
