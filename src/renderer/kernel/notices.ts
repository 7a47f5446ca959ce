import { shallowReactive } from 'vue';
import { asStudioError } from './client';

export interface Notice {
  id: number;
  tone: 'error' | 'info';
  /** What was being done: "Deleting the run". */
  title: string;
  message: string;
  action?: { label: string; run: () => void };
}

export const notices = shallowReactive<Notice[]>([]);
let next = 1;

function add(notice: Omit<Notice, 'id'>): number {
  const same = notices.findIndex((n) => n.title === notice.title && n.message === notice.message);
  if (same >= 0) notices.splice(same, 1);
  const id = next++;
  notices.push({ ...notice, id });
  return id;
}

export function dismissNotice(id: number): void {
  const at = notices.findIndex((n) => n.id === id);
  if (at >= 0) notices.splice(at, 1);
}

/** For failures without a place of their own on the screen; stays until dismissed. Prefer ErrorNotice beside the cause. */
export function notifyError(title: string, error: unknown): void {
  const { code, message } = asStudioError(error);
  if (code !== 'cancelled') add({ tone: 'error', title, message });
}

/** Something done that one cannot see where one is; goes by itself after 6 s. */
export function notifyInfo(title: string, message = '', action?: Notice['action']): void {
  const id = add({ tone: 'info', title, message, action });
  setTimeout(() => dismissNotice(id), 6000);
}
