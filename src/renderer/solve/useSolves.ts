import type { SolveInfo } from '@shared/contract/solves';
import { isActive } from '@shared/jobs';
import { useClient } from '../kernel/client';
import { useActions } from '../kernel/useActions';
import { useLiveList } from '../kernel/useLiveList';
import { confirm } from '../ui/confirm';

/** Solves, newest first, kept fresh by events for as long as the caller lives. */
export const useSolves = () =>
  useLiveList<string, SolveInfo>({
    id: (info) => info.id,
    fetch: (client) => client.call('solves.list', {}),
    events: (client, byId) => [
      client.on('solve.changed', (info) => void byId.set(info.id, info)),
      client.on('solve.deleted', ({ solve }) => void byId.delete(solve)),
      client.on('solve.progress', ({ solve, step, seconds }) => {
        const info = byId.get(solve);
        if (info) byId.set(solve, { ...info, step, seconds });
      }),
    ],
  });

/** What can be done to solves. */
export function useSolveActions() {
  const { busy, attempt } = useActions<SolveInfo>(({ task }) => `The solve of ${task}`);

  async function remove(info: SolveInfo): Promise<boolean> {
    const agreed = await confirm({
      title: 'Delete this solve?',
      text: `The answer and the votes on ${info.task} go for good. The task stays.`,
      action: 'Delete solve',
      danger: true,
    });
    return agreed && attempt(info, 'deleted', () => useClient().call('solves.delete', { solve: info.id }));
  }

  return {
    busy,
    cancel: (info: SolveInfo) => attempt(info, 'ended', () => useClient().call('solves.cancel', { solve: info.id })),
    resume: (info: SolveInfo) => attempt(info, 'started', () => useClient().call('solves.resume', { solve: info.id })),
    remove,
  };
}

/** It failed, or the app ended before it did: it can be run again as it is. */
export const cutOff = ({ status, error, kept_bytes }: SolveInfo): boolean =>
  (status === 'failed' || status === 'stopped') && error !== null && kept_bytes === null;

export const canEnd = (info: SolveInfo): boolean => isActive(info.status);
