/**
 * The one Content-Security-Policy of the window, sent as a header by Electron's protocol handler and by the server.
 * Scripts and styles only from the app's own files: nothing inline, no eval. The page's own meta element says the same;
 * the header also holds for what a meta element cannot say (frame-ancestors) and for every other file.
 *
 * @param connect sources for fetch and WebSocket; Chromium's 'self' covers ws only on the page's own host and port.
 */
export function contentSecurityPolicy(connect = "'self'"): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    `connect-src ${connect}`,
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
