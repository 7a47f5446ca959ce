/** What a link in the window may do. Nothing navigates the window itself. */

/** The renderer's own address; everything else is foreign. */
export const SCHEME = 'trm-studio';
export const ORIGIN = `${SCHEME}://app`;
export const INDEX = `${ORIGIN}/index.html`;

/** True for a page of the app itself, whatever its path or hash. */
export function isOwnPage(url: string): boolean {
  try {
    const { protocol, host } = new URL(url);
    return `${protocol}//${host}` === ORIGIN;
  } catch {
    return false;
  }
}

/**
 * The address to hand to the system's browser, or null if it may not be handed on: only https with a host, and no user
 * or password in it (`https://well-known.org@elsewhere.example` reads as another place than it leads to).
 */
export function externalLink(url: string): string | null {
  try {
    const parsed = new URL(url);
    const plain = parsed.protocol === 'https:' && parsed.hostname !== '' && !parsed.username && !parsed.password;
    return plain ? parsed.href : null;
  } catch {
    return null;
  }
}
