import type { EvaluationInfo } from '@shared/contract/evaluations';
import { isActive } from '@shared/jobs';
import { useClient } from '../kernel/client';
import { useActions } from '../kernel/useActions';
import { confirm } from '../ui/confirm';
import { titleOf } from './scores';

/** What can be done to evaluations. */
export function useEvaluationActions() {
  const { busy, attempt } = useActions<EvaluationInfo>(titleOf);

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
