import type { EvaluationInfo } from '@shared/contract/evaluations';
import { isActive } from '@shared/jobs';
import { reactive } from 'vue';
import { useClient } from '../kernel/client';
import { confirm } from '../ui/confirm';
import { notifyError } from '../kernel/notices';
import { titleOf } from './scores';

/** What can be done to evaluations; what goes wrong is told beside the window's foot. */
export function useEvaluationActions() {
  const busy = reactive(new Set<string>());

  async function attempt(e: EvaluationInfo, what: string, work: () => Promise<unknown>): Promise<boolean> {
    if (busy.has(e.id)) return false;
    busy.add(e.id);
    try {
      await work();
      return true;
    } catch (error) {
      notifyError(`${titleOf(e)} was not ${what}`, error);
      return false;
    } finally {
      busy.delete(e.id);
    }
  }

  const call = (name: 'evaluations.cancel' | 'evaluations.resume', what: string) => (e: EvaluationInfo) =>
    attempt(e, what, () => useClient().call(name, { evaluation: e.id }));

  async function remove(e: EvaluationInfo): Promise<boolean> {
    const agreed = await confirm({
      title: 'Delete this evaluation?',
      text: `The scores, votes and task results of ${titleOf(e)} go for good. The checkpoint stays.`,
      action: 'Delete evaluation',
      danger: true,
    });
    if (!agreed) return false;
    return attempt(e, 'deleted', () => useClient().call('evaluations.delete', { evaluation: e.id }));
  }

  return {
    busy,
    cancel: call('evaluations.cancel', 'cancelled'),
    resume: call('evaluations.resume', 'continued'),
    remove,
  };
}

export const canCancel = (e: EvaluationInfo): boolean => isActive(e.status);
export const canContinue = (e: EvaluationInfo): boolean => e.status === 'stopped' || e.status === 'failed';
