/** Where the window stands: remembered between starts, and moved back when the display it stood on is gone. */

export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Placement {
  /** Of the window when neither maximised nor full screen. x and y are absent at the first start: the system chooses. */
  bounds: { x?: number; y?: number; width: number; height: number };
  maximised: boolean;
  fullScreen: boolean;
}

export const MIN_WIDTH = 960;
export const MIN_HEIGHT = 600;
export const FIRST_PLACEMENT: Placement = { bounds: { width: 1360, height: 860 }, maximised: false, fullScreen: false };

/** A strip of this many pixels of the title bar must lie on a display, else nobody can drag the window back. */
const GRIP = 80;

const finite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** What was stored, if it is a placement at all; anything else gives the first one. */
export function readPlacement(stored: unknown): Placement {
  const s = stored as Partial<Placement> | null | undefined;
  const b = s?.bounds;
  if (!b || !finite(b.width) || !finite(b.height)) return FIRST_PLACEMENT;
  const placed = finite(b.x) && finite(b.y);
  return {
    bounds: { ...(placed ? { x: b.x, y: b.y } : {}), width: b.width, height: b.height },
    maximised: s.maximised === true,
    fullScreen: s.fullScreen === true,
  };
}

/** The top edge of the window as seen on one display, in pixels. */
function gripOn(bounds: Rectangle, area: Rectangle): number {
  const insideVertically = bounds.y >= area.y - 1 && bounds.y < area.y + area.height - GRIP / 2;
  const width = Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x);
  return insideVertically ? Math.max(0, width) : 0;
}

/**
 * The placement as it can be shown on the displays that exist now: never larger than its display, and centred by the
 * system where its title bar would be out of reach.
 *
 * @param areas the displays' work areas (without task bars), the primary one first; at least one.
 */
export function fitPlacement(placement: Placement, areas: readonly Rectangle[]): Placement {
  const { x, y, width, height } = placement.bounds;
  const home = x === undefined || y === undefined ? undefined : { x, y, width, height };
  const at = home && areas.find((area) => gripOn(home, area) >= Math.min(GRIP, home.width));
  const area = at ?? areas[0];
  const size = {
    width: Math.min(Math.max(width, MIN_WIDTH), Math.max(area.width, MIN_WIDTH)),
    height: Math.min(Math.max(height, MIN_HEIGHT), Math.max(area.height, MIN_HEIGHT)),
  };
  return { ...placement, bounds: at && home ? { x: home.x, y: home.y, ...size } : size };
}
