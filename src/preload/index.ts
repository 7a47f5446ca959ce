import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { EventName, Events, StudioClient } from '../shared/contract';
import { CALL, EVENT, type IpcAnswer } from '../shared/ipc';

type Listener = (payload: never) => void;
const listeners = new Map<EventName, Set<Listener>>();

ipcRenderer.on(EVENT, (_event, name: EventName, payload: Events[EventName]) => {
  for (const listener of listeners.get(name) ?? []) {
    try {
      listener(payload as never);
    } catch (error) {
      // Told like any uncaught error, but the other listeners still hear of the event.
      setTimeout(() => {
        throw error;
      });
    }
  }
});

const client: StudioClient = {
  async call(name, input) {
    const answer = (await ipcRenderer.invoke(CALL, name, input)) as IpcAnswer;
    // Rejected with the plain WireError: an Error would cross the bridge with its message alone, without code and data.
    if ('error' in answer) throw answer.error;
    return answer.result as never;
  },
  on(name, listener) {
    const own: Listener = (payload) => listener(payload);
    listeners.set(name, (listeners.get(name) ?? new Set()).add(own));
    return () => void listeners.get(name)?.delete(own);
  },
  pathOf(file) {
    return webUtils.getPathForFile(file) || null;
  },
  transport: 'electron',
  onConnection(listener) {
    listener(true);
    return () => undefined;
  },
};

contextBridge.exposeInMainWorld('trm', client);
