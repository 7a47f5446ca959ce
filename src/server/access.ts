/**
 * Who may talk to the server. Loopback is no protection by itself: any web page open in the same browser can send
 * requests there, and a name of its own may be made to resolve to 127.0.0.1 (DNS rebinding). So every request must name
 * a host that this server is known by, come from its own origin if it has one, and carry the key.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

const COOKIE = 'trm_token';
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

export class Access {
  /** 256 bits, new at each start. */
  readonly token = randomBytes(32).toString('base64url');

  constructor(
    /** What was given as --host. */
    private readonly host: string,
    /** The port that was bound; cookies do not tell ports apart, so the cookie's name does. */
    private readonly port: () => number,
    /** Where a proxy in front of the server is reached. */
    private readonly publicAddress: URL | null = null,
  ) {}

  /** Whether the Host header names this server: its own name and port, or any IP address where all are listened at. */
  knowsHost(request: IncomingMessage): boolean {
    // Node takes the first of several; whoever stands in between may have taken another.
    if ((request.headersDistinct.host?.length ?? 0) > 1) return false;
    const header = request.headers.host ?? '';
    if (this.isPublic(request)) return true;
    const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d+))?$/i.exec(header);
    if (!match) return false;
    const [, name, port] = match;
    if (Number(port ?? 80) !== this.port()) return false;
    const bare = name.replace(/^\[|\]$/g, '').toLowerCase();
    if (LOOPBACK.has(name.toLowerCase()) || bare === this.host.toLowerCase()) return true;
    // 0.0.0.0 and :: listen everywhere; an IP address cannot be rebound, a name can.
    return isEverywhere(this.host) && isIP(bare) !== 0;
  }

  /**
   * A page of another origin is refused; requests without an Origin (navigation, command-line tools) need the key only.
   * A proxy may pass Host on or put the server's own in its place: the public origin is right with both.
   */
  ownOrigin(request: IncomingMessage): boolean {
    const { origin, host } = request.headers;
    if (origin === undefined || origin === this.publicAddress?.origin) return true;
    return !this.isPublic(request) && origin === `http://${host}`;
  }

  /** The key in the address: what is printed at the start. */
  tokenInAddress(url: URL): boolean {
    return this.fits(url.searchParams.get('token'));
  }

  tokenInCookie(request: IncomingMessage): boolean {
    const cookies = (request.headers.cookie ?? '').split(';').map((part) => part.trim());
    const prefix = `${this.cookieName}=`;
    return cookies.some((cookie) => cookie.startsWith(prefix) && this.fits(cookie.slice(prefix.length)));
  }

  /** Out of reach of scripts, and not sent along from other sites. Ends with the browser's session, as the key with ours. */
  cookieFor(request: IncomingMessage): string {
    const secure = this.isPublic(request) && this.publicAddress?.protocol === 'https:' ? '; Secure' : '';
    return `${this.cookieName}=${this.token}; HttpOnly; SameSite=Strict; Path=/${secure}`;
  }

  private isPublic(request: IncomingMessage): boolean {
    return this.publicAddress !== null && request.headers.host?.toLowerCase() === this.publicAddress.host;
  }

  private get cookieName(): string {
    return `${COOKIE}_${this.port()}`;
  }

  private fits(given: string | null): boolean {
    const theirs = Buffer.from(given ?? '');
    const ours = Buffer.from(this.token);
    return theirs.length === ours.length && timingSafeEqual(theirs, ours);
  }
}

export function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Whether only this machine reaches what listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
