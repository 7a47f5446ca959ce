/** Electron's security checklist, point by point: https://www.electronjs.org/docs/latest/tutorial/security */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ElectronStudio } from '../support/electron';
import { askStranger, type StrangerQuestion } from '../support/stranger';
import { ROOT } from '../support/studio';
import { expect, test, withStudio } from '../support/test';

const studio = withStudio();
const electron = () => studio.current as ElectronStudio;
const inPage = <T>(expression: string): Promise<T> => studio.current.page.evaluate<T>(expression);

/** What the window was really made with. */
function preferences(): Promise<Record<string, unknown>> {
  return electron().app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0].webContents as unknown as {
      getLastWebPreferences(): Record<string, unknown>;
    };
    return { ...contents.getLastWebPreferences() };
  });
}

/** What a window that is not the app's own says to a script. */
const stranger = (...given: StrangerQuestion): Promise<unknown> => askStranger(electron().app, ...given);

test('1. Only load secure content', async () => {
  const addresses = await inPage<string[]>(
    `[location.href, ...[...document.querySelectorAll('[src], link[href]')].map((element) => element.src ?? element.href)]`,
  );
  expect(addresses.length).toBeGreaterThan(2);
  for (const address of addresses) expect(address).toMatch(/^(trm-studio:\/\/app\/|data:|blob:trm-studio:)/);
  expect(await inPage('isSecureContext')).toBe(true);
  // Asked for all the same, nothing insecure leaves the page.
  let heard = 0;
  const listener = createServer((socket) => {
    heard++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const there = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const ask = `Promise.allSettled([
    fetch('http://${there}/'),
    new Promise((done) => { const image = new Image(); image.onerror = image.onload = done; image.src = 'http://${there}/a.png'; }),
    new Promise((done) => { try { new WebSocket('ws://${there}/').onerror = done; } catch { done(); } }),
  ]).then(() => undefined)`;
  try {
    await inPage(ask);
    expect(heard).toBe(0);
    // A page without a policy gets through to it.
    await stranger('data:text/html,x', ask);
    expect(heard).toBeGreaterThan(0);
  } finally {
    listener.close();
  }
});

test('2. Do not enable Node.js integration for remote content', async () => {
  const names = ['require', 'process', 'module', 'exports', 'Buffer', 'global', '__dirname', 'setImmediate'];
  expect(await inPage(`${JSON.stringify(names)}.filter((name) => name in window)`)).toEqual([]);
  expect(await preferences()).toMatchObject({ nodeIntegration: false, nodeIntegrationInSubFrames: false });
  // Electron does not say what it made of the setting for workers: one is asked. It is the app's own script, since the
  // policy lets no other be one.
  const { page } = studio.current;
  const made = page.waitForEvent('worker');
  await inPage(`void (window.worker = new Worker(document.querySelector('script[src]').src, { type: 'module' }))`);
  const worker = await made;
  expect(await worker.evaluate(`${JSON.stringify(names)}.filter((name) => name in self)`)).toEqual([]);
  expect(await worker.evaluate(`'importScripts' in self`)).toBe(true);
  await inPage('window.worker.terminate()');
});

test('3. Enable context isolation', async () => {
  expect(await preferences()).toMatchObject({ contextIsolation: true });
  // What the page does to its own built-ins does not reach the preload, whose calls go through its own.
  const answer = await inPage<{ called: number; version: string }>(`(async () => {
    const kept = { get: Map.prototype.get, add: Set.prototype.add };
    let called = 0;
    Map.prototype.get = function (...a) { called++; return kept.get.apply(this, a); };
    Set.prototype.add = function (...a) { called++; return kept.add.apply(this, a); };
    const off = window.trm.on('settings.changed', () => undefined);
    off();
    const fromBridge = called;
    Map.prototype.get = kept.get;
    Set.prototype.add = kept.add;
    return { called: fromBridge, version: (await window.trm.call('app.info', {})).version };
  })()`);
  expect(answer.called).toBe(0);
  expect(answer.version).toMatch(/^\d+\.\d+/);
  // Nor can the page put something else in the bridge's place.
  expect(await inPage(`(() => { try { window.trm.call = null; } catch {} return typeof window.trm.call; })()`)).toBe(
    'function',
  );
});

test('4. Enable process sandboxing', async () => {
  expect(await preferences()).toMatchObject({ sandbox: true });
  const renderer = await electron().app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0].webContents.getOSProcessId(),
  );
  const status = process.platform === 'linux' ? readFileSync(`/proc/${renderer}/status`, 'utf8') : '';
  // Root has no sandbox of the system (Debian's test machines); for everybody else the kernel filters its calls.
  if (status && process.getuid?.() !== 0) expect(status).toMatch(/^Seccomp:\s*2$/m);
});

test('5. Handle session permission requests from remote content', async () => {
  const states = await inPage<Record<string, string>>(`Promise.all(
    ['geolocation', 'notifications', 'camera', 'microphone', 'midi', 'clipboard-read', 'background-sync', 'persistent-storage', 'display-capture', 'idle-detection']
      .map((name) => navigator.permissions.query({ name }).then((p) => [name, p.state], () => [name, 'denied'])),
  ).then(Object.fromEntries)`);
  for (const [name, state] of Object.entries(states)) expect(state, name).not.toBe('granted');
  expect(await inPage('Notification.requestPermission()')).toBe('denied');
  expect(
    await inPage(`navigator.mediaDevices.getUserMedia({ audio: true }).then(() => 'granted', (e) => e.name)`),
  ).not.toBe('granted');
  expect(
    await inPage(
      `new Promise((done) => navigator.geolocation.getCurrentPosition(() => done('granted'), (e) => done(e.code)))`,
    ),
  ).toBe(1);
});

test('6. Do not disable webSecurity', async () => {
  expect(await preferences()).toMatchObject({ webSecurity: true });
  for (const address of ['file:///etc/hostname', 'trm-studio://elsewhere/index.html']) {
    expect(await inPage(`fetch(${JSON.stringify(address)}).then(() => 'read', () => 'refused')`)).toBe('refused');
  }
  // A page that has no policy of its own, in the same session, cannot read the app's page either.
  expect(
    await stranger('data:text/html,x', `fetch('trm-studio://app/index.html').then((a) => a.text(), () => 'refused')`),
  ).toBe('refused');
});

test('7. Define a Content Security Policy', async () => {
  const policies = await inPage<(string | null)[]>(`Promise.all(
    [location.href, document.querySelector('script[src]').src, document.querySelector('link[rel=stylesheet]').href]
      .map((address) => fetch(address).then((answer) => answer.headers.get('Content-Security-Policy'))),
  )`);
  for (const policy of policies) {
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/unsafe-(inline|eval)|\*/);
  }
  const inline = await inPage<unknown>(`(() => {
    const script = document.createElement('script');
    script.textContent = 'window.inlineRan = true';
    document.body.append(script);
    script.remove();
    return window.inlineRan ?? null;
  })()`);
  expect(inline).toBeNull();
  const violation = (matching: string, cause: string) =>
    inPage<boolean>(`new Promise((done) => {
      addEventListener('securitypolicyviolation', (event) => { if (${matching}) done(true); });
      // From a task of its own: the tests' debugger may evaluate what it likes.
      setTimeout(() => { ${cause} }, 10);
      setTimeout(() => done(false), 2000);
    })`);
  expect(await violation(`event.blockedURI === 'eval'`, `setTimeout('window.evalRan = true', 0)`)).toBe(true);
  expect(await inPage('window.evalRan ?? null')).toBeNull();
  expect(
    await violation(
      `event.effectiveDirective === 'script-src-attr'`,
      // A handler is compiled, and the policy asked, when it is called.
      `document.body.insertAdjacentHTML('beforeend', '<i onclick="window.handlerRan = true"></i>');
       document.body.lastElementChild.click();
       document.body.lastElementChild.remove();`,
    ),
  ).toBe(true);
  expect(await inPage('window.handlerRan ?? null')).toBeNull();
  expect(
    await violation(
      `event.effectiveDirective === 'connect-src'`,
      `fetch('https://example.com/').catch(() => undefined)`,
    ),
  ).toBe(true);
});

test('8. Do not enable allowRunningInsecureContent', async () => {
  expect((await preferences()).allowRunningInsecureContent).toBe(false);
});

test('9. Do not enable experimental features', async () => {
  expect((await preferences()).experimentalFeatures ?? false).toBe(false);
  expect(
    await electron().app.evaluate(({ app }) => app.commandLine.hasSwitch('enable-experimental-web-platform-features')),
  ).toBe(false);
});

test('10. Do not use enableBlinkFeatures', async () => {
  expect((await preferences()).enableBlinkFeatures ?? '').toBe('');
  expect(await electron().app.evaluate(({ app }) => app.commandLine.hasSwitch('enable-blink-features'))).toBe(false);
});

test('11. <webview>: do not use allowpopups', async () => {
  expect(await preferences()).toMatchObject({ webviewTag: false });
  // The element means nothing here, with or without the attribute.
  expect(
    await inPage(`(() => {
      const view = document.createElement('webview');
      view.setAttribute('allowpopups', '');
      view.setAttribute('src', 'https://example.com/');
      document.body.append(view);
      const live = typeof view.loadURL;
      view.remove();
      return [live, document.querySelectorAll('webview').length];
    })()`),
  ).toEqual(['undefined', 0]);
});

test('12. <webview>: verify options and params', async () => {
  // Even in a window that allows the tag, none is attached.
  const kinds = await electron().app.evaluate(async ({ BrowserWindow, webContents }) => {
    const window = new BrowserWindow({ show: false, webPreferences: { webviewTag: true } });
    let asked = 0;
    window.webContents.on('will-attach-webview', () => asked++);
    await window.loadURL('data:text/html,<webview src="data:text/html,inside" allowpopups nodeintegration></webview>');
    for (let i = 0; i < 40 && asked === 0; i++) await new Promise((done) => setTimeout(done, 50));
    await new Promise((done) => setTimeout(done, 200));
    const kinds = webContents.getAllWebContents().map((contents) => contents.getType());
    window.destroy();
    return { asked, views: kinds.filter((kind) => kind === 'webview').length };
  });
  expect(kinds).toEqual({ asked: 1, views: 0 });
});

test('13. Disable or limit navigation', async () => {
  const before = studio.current.page.url();
  for (const url of [
    'http://example.com/',
    'file:///etc/passwd',
    'https://user:pass@example.com/',
    'data:text/html,x',
  ]) {
    await inPage(`void (window.location.href = ${JSON.stringify(url)})`);
  }
  await inPage(`void (window.location.href = 'https://example.com/')`);
  await expect.poll(async () => (await electron().seen()).links).toEqual(['https://example.com/']);
  expect(studio.current.page.url()).toBe(before);
  // Asked without Playwright's locators, which would wait for the navigation that was refused.
  expect(await inPage(`document.querySelector('nav')?.getAttribute('aria-label')`)).toBe('Screens');
});

test('14. Disable or limit creation of new windows', async () => {
  for (const url of ['https://example.org/', 'about:blank', 'javascript:alert(1)', 'trm-studio://app/index.html']) {
    expect(await inPage(`window.open(${JSON.stringify(url)}) === null`)).toBe(true);
  }
  expect(electron().app.windows()).toHaveLength(1);
});

test('15. Do not use shell.openExternal with untrusted content', async () => {
  const dangerous = [
    ...['file:///bin/sh', 'smb://evil.example/x', 'javascript:alert(1)', 'ms-settings:', 'mailto:a@example.org'],
    ...[
      'http://example.net/',
      'https://well-known.org@evil.example/',
      'trm-studio://app/',
      'ssh://x',
      'C:\\Windows\\a.exe',
    ],
  ];
  for (const url of dangerous) await inPage(`void window.open(${JSON.stringify(url)})`);
  await inPage(`void window.open('https://example.net/last')`);
  await expect.poll(async () => (await electron().seen()).links.at(-1)).toBe('https://example.net/last');
  expect((await electron().seen()).links).toEqual([
    'https://example.com/',
    'https://example.org/',
    'https://example.net/last',
  ]);
});

test('16. Use a current version of Electron', async () => {
  const pinned = (
    JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { devDependencies: { electron: string } }
  ).devDependencies.electron;
  // One exact version, so that what was tested is what is packaged; which it is, is raised by hand.
  expect(pinned).toMatch(/^\d+\.\d+\.\d+$/);
  const runs = await electron().app.evaluate(() => process.versions.electron);
  // A layout put in its place for the tests may be older: then its sandbox, context isolation and fuses are still there.
  if (process.env.ELECTRON_OVERRIDE_DIST_PATH) expect(Number(runs.split('.')[0])).toBeGreaterThanOrEqual(33);
  else expect(runs).toBe(pinned);
});

test('17. Validate the sender of all IPC messages', async () => {
  const call = `window.trm.call('app.info', {}).then(() => 'answered', (error) => error.code)`;
  expect(await inPage(call)).toBe('answered');
  expect(await stranger('data:text/html,stranger', call)).toBe('unauthorised');
  // Nor another window that shows the app's own page, nor a frame inside it, which has no bridge.
  expect(await stranger('trm-studio://app/index.html', call)).toBe('unauthorised');
  expect(
    await inPage(`(() => {
      const frame = document.createElement('iframe');
      document.body.append(frame);
      const found = typeof frame.contentWindow.trm;
      frame.remove();
      return found;
    })()`),
  ).toBe('undefined');
  // There is no other way in than the one that checks.
  const channels = await electron().app.evaluate(({ ipcMain }) => ({
    handled: [
      ...((ipcMain as unknown as { _invokeHandlers?: Map<string, unknown> })._invokeHandlers ?? new Map()).keys(),
    ],
    listened: ipcMain.eventNames().filter((name) => String(name).startsWith('studio')),
  }));
  expect(channels).toEqual({ handled: ['studio:call'], listened: [] });
});

test('18. Avoid usage of the file:// protocol', async () => {
  const shown = await electron().app.evaluate(({ webContents }) =>
    webContents.getAllWebContents().map((c) => c.getURL()),
  );
  expect(shown.filter((url) => url !== '' && !/^(trm-studio:\/\/app\/|devtools:)/.test(url))).toEqual([]);
  expect(await inPage('location.origin')).toBe('trm-studio://app');
  for (const path of [
    '../main/index.js',
    '..%2fmain%2findex.js',
    '%2e%2e/main/index.js',
    '../../package.json',
    '.hidden',
    '%',
  ]) {
    const answer = await inPage<string>(
      `fetch(${JSON.stringify(`trm-studio://app/${path}`)}).then((a) => a.text(), () => 'refused')`,
    );
    expect(answer, path).toBe('refused');
  }
});

test('19. Check which fuses you can change', async () => {
  const binary = await electron().app.evaluate(() => process.execPath);
  const folder = mkdtempSync(join(tmpdir(), 'trm-fuses-'));
  try {
    for (const name of readdirSync(dirname(binary))) symlinkSync(join(dirname(binary), name), join(folder, name));
    const copy = join(folder, 'electron');
    rmSync(copy, { force: true });
    copyFileSync(binary, copy);
    const asNode = { env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' }, encoding: 'utf8' } as const;
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    // As it comes it is a Node for whoever sets a variable.
    expect(execFileSync(copy, ['-p', 'process.versions.node'], asNode).trim()).toMatch(/^\d+\./);
    const set = JSON.parse(
      execFileSync(process.execPath, [join(ROOT, 'scripts/fuses.mjs'), copy], { encoding: 'utf8' }),
    ) as Record<string, boolean>;
    expect(set).toMatchObject({
      RunAsNode: false,
      EnableNodeOptionsEnvironmentVariable: false,
      EnableNodeCliInspectArguments: false,
      EnableEmbeddedAsarIntegrityValidation: true,
      OnlyLoadAppFromAsar: true,
      GrantFileProtocolExtraPrivileges: false,
    });
    // Afterwards it runs no script, whatever is set, and finds no app beside it that is not in an archive.
    const run = spawnSync(copy, [...sandbox, '-p', 'process.versions.node'], {
      ...asNode,
      timeout: 15_000,
      killSignal: 'SIGKILL',
    });
    expect(run.stdout).not.toMatch(/^\d+\.\d+/m);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('20. Do not expose Electron APIs to untrusted web content', async () => {
  expect(
    await inPage(`Object.fromEntries(Object.entries(window.trm).map(([name, value]) => [name, typeof value]))`),
  ).toEqual({ call: 'function', on: 'function', onConnection: 'function', pathOf: 'function', transport: 'string' });
  // A listener hears the payload alone: the IPC event would lead to its sender.
  const heard = await inPage<{ count: number; keys: string[] }>(`new Promise(async (done) => {
    window.trm.on('settings.changed', (...given) => done({ count: given.length, keys: Object.keys(given[0]).sort() }));
    const { theme } = await window.trm.call('settings.get', {});
    await window.trm.call('settings.set', { theme });
  })`);
  expect(heard.count).toBe(1);
  expect(heard.keys).toContain('theme');
  expect(heard.keys).not.toContain('sender');
  // Channels of Electron's own and methods that are not of the contract are out of reach.
  for (const name of ['ELECTRON_BROWSER_REQUIRE', 'constructor', '__proto__']) {
    expect(await inPage(`window.trm.call(${JSON.stringify(name)}, {}).then(() => 'answered', (e) => e.code)`)).toBe(
      'bad_input',
    );
  }
});
