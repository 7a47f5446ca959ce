/** The server's own part: who may talk to it, and what the page says when it goes away. */
import { get } from 'node:http';
import type { WebSocketRoute } from '@playwright/test';
import { dropFiles } from '../support/drop';
import { task } from '../support/tasks';
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

test('a connection that breaks comes back by itself, with what happened meanwhile', async () => {
  const { page } = studio.current;
  const other = await page.context().newPage();
  let down = false;
  const sockets: WebSocketRoute[] = [];
  await other.routeWebSocket(/\/ws/, (socket) => {
    if (down) return void socket.close({ code: 1001 });
    socket.connectToServer();
    sockets.push(socket);
  });
  await other.goto(new URL('/', web().address).href);
  await expect(other.getByRole('link', { name: 'Tasks 2,080' })).toBeVisible();
  down = true;
  for (const socket of sockets) await socket.close({ code: 1001 });
  await expect(other.getByRole('alert').filter({ hasText: 'Connection lost' })).toBeVisible();

  await dropFiles(page, { 'abcd0001.json': task(1) });
  await page.getByRole('dialog').getByRole('button', { name: 'Import 1 task' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Show them' }).click();

  down = false;
  await expect(other.getByRole('link', { name: 'Tasks 2,081' })).toBeVisible();
  await expect(other.getByRole('alert')).toHaveCount(0);
  await other.close();
});

test('a server that is killed is missed, and the page says how to find the next one', async () => {
  const { page } = studio.current;
  const { port } = web();
  const gone = web().exited();
  web().server.kill('SIGKILL');
  await gone;
  await expect(page.getByRole('alert').filter({ hasText: 'Connection lost' })).toBeVisible();
  await web().serve(port);
  await expect(page.getByRole('alert').filter({ hasText: 'key is no longer valid' })).toBeVisible();
  await page.goto(web().address);
  await expect(page.getByRole('link', { name: 'Tasks 2,081' })).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});
