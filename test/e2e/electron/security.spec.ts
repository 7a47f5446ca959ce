/** What the window may not do, whatever gets into it. */
import { join } from 'node:path';
import type { ElectronStudio } from '../support/electron';
import { ROOT } from '../support/studio';
import { writeFiles } from '../support/tasks';
import { expect, test, withStudio } from '../support/test';

const studio = withStudio();
const electron = () => studio.current as ElectronStudio;

test('the page has no Node and only the bridge', async () => {
  const { page } = studio.current;
  const found = await page.evaluate<Record<string, unknown>>(`({
    require: typeof window.require,
    process: typeof window.process,
    module: typeof window.module,
    bridge: Object.keys(window.trm).sort(),
  })`);
  expect(found).toEqual({
    require: 'undefined',
    process: 'undefined',
    module: 'undefined',
    bridge: ['call', 'on', 'onConnection', 'pathOf', 'transport'],
  });
});

test('the bridge knows the path of a file that was chosen, and of no other', async () => {
  const { page } = studio.current;
  await page.evaluate(`(() => {
    const input = document.createElement('input');
    input.type = 'file';
    input.id = 'chosen';
    document.body.append(input);
  })()`);
  const file = join(writeFiles({ 'a b.json': '{}' }), 'a b.json');
  await page.setInputFiles('#chosen', file);
  expect(await page.evaluate(`window.trm.pathOf(document.querySelector('#chosen').files[0])`)).toBe(file);
  expect(await page.evaluate(`window.trm.pathOf(new File(['{}'], 'b.json'))`)).toBeNull();
});

test('the window is isolated, sandboxed and without Node', async () => {
  const preferences = await electron().app.evaluate(({ BrowserWindow, session }) => {
    const contents = BrowserWindow.getAllWindows()[0].webContents as unknown as {
      getLastWebPreferences(): Record<string, unknown>;
    };
    const { contextIsolation, sandbox, nodeIntegration, webSecurity, webviewTag } = contents.getLastWebPreferences();
    const spelling = session.defaultSession.isSpellCheckerEnabled();
    return { contextIsolation, sandbox, nodeIntegration, webSecurity, webviewTag, spelling };
  });
  expect(preferences).toEqual({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    webSecurity: true,
    webviewTag: false,
    spelling: false,
  });
});

test('it does not navigate away; https links go to the system, nothing else does', async () => {
  const { page } = studio.current;
  const before = page.url();
  for (const url of [
    'https://example.com/',
    'http://example.com/',
    'file:///etc/passwd',
    'https://user:pass@example.com/',
  ]) {
    await page.evaluate(`window.location.href = ${JSON.stringify(url)}`);
  }
  await expect.poll(async () => (await electron().seen()).links).toEqual(['https://example.com/']);
  expect(page.url()).toBe(before);
  // Asked without Playwright's locators, which would wait for the navigation that was refused.
  expect(await page.evaluate(`document.querySelector('nav')?.getAttribute('aria-label')`)).toBe('Screens');
});

test('it opens no windows', async () => {
  const { page } = studio.current;
  for (const url of ['https://example.org/', 'about:blank', 'javascript:alert(1)', 'trm-studio://app/index.html']) {
    expect(await page.evaluate(`window.open(${JSON.stringify(url)}) === null`)).toBe(true);
  }
  expect(electron().app.windows()).toHaveLength(1);
  expect((await electron().seen()).links).toEqual(['https://example.com/', 'https://example.org/']);
});

test('permissions are denied', async () => {
  const { page } = studio.current;
  expect(await page.evaluate('Notification.requestPermission()')).toBe('denied');
  expect(
    await page.evaluate(`navigator.mediaDevices.getUserMedia({ audio: true }).then(() => 'granted', (e) => e.name)`),
  ).not.toBe('granted');
  expect(
    await page.evaluate(
      `new Promise((done) => navigator.geolocation.getCurrentPosition(() => done('granted'), (e) => done(e.code)))`,
    ),
  ).toBe(1);
});

test('inline scripts, eval and foreign addresses are blocked by the policy', async () => {
  const { page } = studio.current;
  const policy = await page.evaluate<string>(
    `fetch(location.href).then((answer) => answer.headers.get('Content-Security-Policy'))`,
  );
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  const inline = await page.evaluate<unknown>(`(() => {
    const script = document.createElement('script');
    script.textContent = 'window.inlineRan = true';
    document.body.append(script);
    script.remove();
    return window.inlineRan ?? null;
  })()`);
  expect(inline).toBeNull();
  const violated = await page.evaluate<string>(`new Promise((done) => {
    addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective), { once: true });
    fetch('https://example.com/').catch(() => undefined);
  })`);
  expect(violated).toBe('connect-src');
});

test('no file outside the window’s own folder is served', async () => {
  const { page } = studio.current;
  for (const path of ['../main/index.js', '..%2fmain%2findex.js', '%2e%2e/main/index.js', '../../package.json']) {
    const answer = await page.evaluate<string>(
      `fetch(${JSON.stringify(`trm-studio://app/${path}`)}).then((a) => a.text(), () => 'refused')`,
    );
    expect(answer).toBe('refused');
  }
});

test('calls are taken from the app’s own page alone', async () => {
  const answer = await electron().app.evaluate(
    async ({ BrowserWindow }, preload) => {
      const stranger = new BrowserWindow({
        show: false,
        webPreferences: { preload, sandbox: true, contextIsolation: true },
      });
      await stranger.loadURL('data:text/html,<p>stranger</p>');
      const said = await stranger.webContents.executeJavaScript(
        `window.trm.call('app.info', {}).then(() => 'answered', (error) => error.code)`,
      );
      stranger.destroy();
      return said as string;
    },
    join(ROOT, 'out/preload/index.js'),
  );
  expect(answer).toBe('unauthorised');
});
