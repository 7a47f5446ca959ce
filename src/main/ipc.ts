import { type IpcMainInvokeEvent, type WebContents, ipcMain } from 'electron';
import type { EventName, Events } from '../shared/contract';
import { CALL, EVENT, type IpcAnswer } from '../shared/ipc';
import { isOwnPage } from './links';

/** Only the top frame of the app's own page may call; a frame that something else got into may not. */
function isOwnFrame(event: IpcMainInvokeEvent, own: WebContents | undefined): boolean {
  try {
    const frame = event.senderFrame;
    return !!frame && event.sender === own && frame === own.mainFrame && isOwnPage(frame.url);
  } catch {
    // Asking a frame that has just gone, or a window that is being closed, throws.
    return false;
  }
}

/**
 * Serves the contract to the window.
 *
 * @param answer checks a method's name and input and runs it (the studio's `answer`); never rejects.
 * @param contents the window's contents at this moment.
 */
export function serveCalls(
  answer: (method: unknown, input: unknown) => Promise<IpcAnswer>,
  contents: () => WebContents | undefined,
): void {
  ipcMain.handle(CALL, async (event, method: unknown, input: unknown): Promise<IpcAnswer> => {
    if (isOwnFrame(event, contents())) return answer(method, input);
    return {
      error: { code: 'unauthorised', message: 'This page may not use TRM Studio: only the app’s own window may.' },
    };
  });
}

/** Tells the window; dropped while there is none, or while it is loading anew (it then asks for everything itself). */
export function sendEvent<E extends EventName>(contents: WebContents | undefined, name: E, payload: Events[E]): void {
  if (!contents || contents.isDestroyed() || contents.isCrashed()) return;
  contents.send(EVENT, name, payload);
}
