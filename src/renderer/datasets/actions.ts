import type { DatasetSummary } from '@shared/contract/datasets';
import { useClient } from '../kernel/client';
import { confirm } from '../ui/confirm';
import { formatBytes, formatPlural } from '../ui/format';
import { notifyError } from '../kernel/notices';
import { useRuns } from '../kernel/stores/runs';

/** Asks once, naming what goes. Resolves to whether it is gone. */
export async function deleteDataset(dataset: DatasetSummary): Promise<boolean> {
  const using = useRuns().list.filter((run) => run.dataset === dataset.id);
  const yes = await confirm({
    title: `Delete ${dataset.name}?`,
    text: `${formatBytes(dataset.bytes)} at ${dataset.path} go and cannot be brought back, except by building it again.${
      using.length
        ? ` ${formatPlural(using.length, 'run')} trained on it: ${using.length === 1 ? 'it' : 'they'} could not be resumed.`
        : ''
    }`,
    action: 'Delete dataset',
    danger: true,
  });
  if (!yes) return false;
  try {
    await useClient().call('datasets.delete', { dataset: dataset.id });
    return true;
  } catch (error) {
    notifyError(`Deleting ${dataset.name}`, error);
    return false;
  }
}

export async function cancelBuild(dataset: DatasetSummary): Promise<void> {
  try {
    await useClient().call('datasets.cancel', { dataset: dataset.id });
  } catch (error) {
    notifyError(`Stopping ${dataset.name}`, error);
  }
}
