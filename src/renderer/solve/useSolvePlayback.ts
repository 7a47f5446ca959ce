import { shallowRef } from 'vue';
import { useRouter } from 'vue-router';
import type { ExampleRef } from '@shared/dataset';
import type { SolveNetwork } from '@shared/solve';
import { useClient } from '../kernel/client';
import { notifyError } from '../kernel/notices';

/** Makes a playback of a solve and goes to it; one that was made of the same question opens at once. */
export function useSolvePlayback() {
  const router = useRouter();
  const busy = shallowRef<ExampleRef | null>(null);

  async function play(
    solve: string,
    example: ExampleRef,
    {
      network,
      views,
      act_steps = null,
      inner = true,
    }: { network: SolveNetwork; views: number; act_steps?: number | null; inner?: boolean },
  ): Promise<void> {
    if (busy.value) return;
    busy.value = example;
    try {
      const trace = await useClient().call('traces.create', {
        of: { solve, network },
        example,
        act_steps,
        inner,
        views,
      });
      await router.push(`/playback/${trace.id}`);
    } catch (problem) {
      notifyError('The playback was not made', problem);
    } finally {
      busy.value = null;
    }
  }
  return { busy, play };
}
