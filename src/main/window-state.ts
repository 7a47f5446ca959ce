import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BrowserWindow, screen } from 'electron';
import { type Placement, fitPlacement, readPlacement } from './bounds';

/** What the window must know before the studio is open: its place, and the theme of its first frame. */
interface WindowState {
  placement: Placement;
  theme: 'system' | 'light' | 'dark';
}

const SAVE_AFTER_MS = 400;

/** The window's own small memory, `window-state.json` in `folder`. Losing it costs nothing, so failures are silent. */
export class WindowMemory {
  private state: WindowState;
  private timer: NodeJS.Timeout | undefined;
  private readonly file: string;

  constructor(folder: string) {
    this.file = join(folder, 'window-state.json');
    let stored: Partial<WindowState> = {};
    try {
      stored = (JSON.parse(readFileSync(this.file, 'utf8')) as Partial<WindowState> | null) ?? {};
    } catch {
      // The first start, or a file cut short by a power loss.
    }
    this.state = {
      placement: readPlacement(stored.placement),
      theme: stored.theme === 'light' || stored.theme === 'dark' ? stored.theme : 'system',
    };
  }

  get theme(): WindowState['theme'] {
    return this.state.theme;
  }

  set theme(theme: WindowState['theme']) {
    if (theme === this.state.theme) return;
    this.state.theme = theme;
    this.save();
  }

  /** Where to open, on the displays that exist now. */
  placement(): Placement {
    const primary = screen.getPrimaryDisplay();
    const others = screen.getAllDisplays().filter((display) => display.id !== primary.id);
    return fitPlacement(
      this.state.placement,
      [primary, ...others].map((display) => display.workArea),
    );
  }

  /** Keeps up with the window until it is closed. */
  follow(window: BrowserWindow): void {
    const note = () => {
      if (window.isDestroyed() || window.isMinimized()) return;
      this.state.placement = {
        bounds: window.getNormalBounds(),
        maximised: window.isMaximized(),
        fullScreen: window.isFullScreen(),
      };
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
    };
    window.on('resize', note);
    window.on('move', note);
    window.on('maximize', note);
    window.on('unmaximize', note);
    window.on('enter-full-screen', note);
    window.on('leave-full-screen', note);
    window.on('close', () => {
      note();
      this.save();
    });
  }

  private save(): void {
    clearTimeout(this.timer);
    try {
      writeFileSync(`${this.file}.tmp`, JSON.stringify(this.state));
      renameSync(`${this.file}.tmp`, this.file);
    } catch {
      // A full disk or a read-only home: the studio says so where it matters.
    }
  }
}
