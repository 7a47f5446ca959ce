/** The server's own part: who may talk to it, and what the page says when it goes away. */
import { get } from 'node:http';
import { expect, test, withStudio } from '../support/test';
import type { WebStudio } from '../support/web';

const studio = withStudio();
const web = () => studio.current as WebStudio;

function ask(path: string, headers: Record<string, string> = {}): Promise<{ status: number; policy: string }> {
  return new Promise((done, fail) => {
    get({ host: '127.0.0.1', port: web().port, path, headers }, (answer) => {
      answer.resume();
      done({ status: answer.statusCode ?? 0, policy: String(answer.headers['content-security-policy']) });
    }).on('error', fail);
  });
}

test('without the key, under another name or from another site there is no answer', async () => {
  const token = new URL(web().address).searchParams.get('token') ?? '';
  expect(token.length).toBeGreaterThan(20);
  expect((await ask('/')).status).toBe(401);
  expect((await ask('/?token=wrong')).status).toBe(401);
  expect((await ask(`/?token=${token}`, { Host: 'evil.example' })).status).toBe(421);
  expect((await ask(`/?token=${token}`, { Origin: 'https://evil.example' })).status).toBe(403);
  const right = await ask(`/?token=${token}`);
  expect(right.status).toBe(303);
  expect(right.policy).toContain("script-src 'self'");
});

test('a WebSocket of another site is refused', async () => {
  const { page } = studio.current;
  // The browser sets Origin by itself, so a page of another origin is what it takes.
  const context = await page.context().browser()?.newContext();
  const stranger = await context?.newPage();
  await stranger?.goto('data:text/html,<p>stranger</p>');
  const token = new URL(web().address).searchParams.get('token');
  const outcome = await stranger?.evaluate<string>(`new Promise((done) => {
    const socket = new WebSocket('ws://127.0.0.1:${web().port}/ws?token=${token}');
    socket.onopen = () => done('open');
    socket.onerror = () => done('refused');
  })`);
  expect(outcome).toBe('refused');
  await context?.close();
});

test('the key is not left in the address, and inline scripts do not run', async () => {
  const { page } = studio.current;
  expect(page.url()).not.toContain('token');
  const inline = await page.evaluate<unknown>(`(() => {
    const script = document.createElement('script');
    script.textContent = 'window.inlineRan = true';
    document.body.append(script);
    script.remove();
    return window.inlineRan ?? null;
  })()`);
  expect(inline).toBeNull();
});

test('a server that is killed is missed, and the next one is found again', async () => {
  const { page } = studio.current;
  const { port } = web();
  const gone = web().exited();
  web().server.kill('SIGKILL');
  await gone;
  const lost = page.getByRole('alert').filter({ hasText: /Connection lost|No connection/ });
  await expect(lost).toBeVisible();
  await web().serve(port);
  await page.goto(web().address);
  await expect(page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: /Tasks/ })).toBeVisible();
  await expect(lost).toHaveCount(0);
});
