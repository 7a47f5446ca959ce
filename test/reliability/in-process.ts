/** The studio behind Electron's IPC, without Electron: what the main process hands a call to. */
import { openStudio } from '../../src/studio/studio';
import { ScriptedCompute } from '../studio/scripted-compute';
import { sendCalls, type Tally } from './requests';

/** Malformed calls through the dispatch, on a home of their own. */
export async function callInProcess(home: string, count: number, seed: number): Promise<Tally> {
  const studio = await openStudio({
    home,
    transport: 'electron',
    compute: () => new ScriptedCompute().factory,
    resources: null,
    runtimeReport: null,
  });
  try {
    return await sendCalls((method, input) => studio.answer(method, input), count, seed);
  } finally {
    await studio.close();
  }
}
