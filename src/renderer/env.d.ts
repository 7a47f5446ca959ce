/// <reference types="vite/client" />
import type { StudioClient } from '@shared/contract';

declare global {
  interface Window {
    /** Given by Electron's preload; absent in a browser. */
    readonly trm?: StudioClient;
  }
}
