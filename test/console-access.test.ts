/** Logging in, users and tokens, in a real browser, against the real process. */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, eventually, inspect, LOOKS, open, temporaryFolder } from './console-browser.ts';
import { buildConsole } from './console-server.ts';
import { type RunningWeir, runWeir, startWeir } from './weir-process.ts';

const PASSWORD = 'correct horse battery';

describe.skipIf(!existsSync(CHROMIUM))('access in the console (needs /usr/bin/chromium)', () => {
  let weir: RunningWeir;
  let url = '';
  let setUp = '';
  const folder = temporaryFolder();

  beforeAll(async () => {
    buildConsole();
    const config = { sources: [], access: { login: 'always' } };
    writeFileSync(path.join(folder, 'collector.json'), JSON.stringify(config));
    weir = startWeir(['up', '--no-meter', '--http', '127.0.0.1:0', '--data', folder]);
    setUp = /http\S+\/setup#\S+/.exec(await weir.said(/\/setup#/))?.[0] ?? '';
    url = new URL(setUp).origin;
  });
  afterAll(async () => void (await weir?.stop()));

  async function logIn(page: Page, name: string): Promise<void> {
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.keyboard.press('Enter');
  }

  /** The start page has been reached, by somebody who is known. */
  const menu = (page: Page, name: string, role: string) =>
    page.getByRole('button', { name: `${name}, ${role}` });

  test('the first admin comes by the link, and is let in', async () => {
    const { page, complaints } = await open(setUp);
    await logIn(page, 'ann');
    await menu(page, 'ann', 'admin').waitFor();
    expect(page.url()).toBe(`${url}/`);
    expect(complaints).toEqual([]);
  });

  test('whoever opens a page logs in, with the keyboard, and is back where he was', async () => {
    const view = '/explore?v=1&last=1h&filter=port%20443&by=dstPort';
    const { page } = await open(`${url}${view}`);
    expect(new URL(page.url()).pathname).toBe('/login');
    await page.keyboard.type('ann');
    await page.keyboard.press('Tab');
    await page.keyboard.type('not the password');
    await page.keyboard.press('Enter');
    await page.getByText('There is no such user, or this is not the password.').waitFor();
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.keyboard.press('Enter');
    await menu(page, 'ann', 'admin').waitFor();
    const back = new URL(page.url());
    expect([back.pathname, back.searchParams.get('filter'), back.searchParams.get('by')]).toEqual([
      '/explore',
      'port 443',
      'dstPort',
    ]);
    // A session that ends while a page is open leads to the login, and back, too.
    await page.context().clearCookies();
    await page.waitForURL(/\/login\?next=%2Fexplore/);
    await logIn(page, 'ann');
    await page.waitForURL(/\/explore\?.*filter=port/);
    await page.getByRole('button', { name: 'ann, admin' }).click();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(/\/login/);
  });

  test('an admin adds a viewer with a row filter, who sees what he may, and no more pages', async () => {
    const admin = (await open(`${url}/login?next=%2Faccess`)).page;
    await logIn(admin, 'ann');
    await admin.getByRole('button', { name: 'Add a user' }).click();
    const form = admin.getByRole('form', { name: 'A new user' });
    await form.getByLabel('Name', { exact: true }).fill('bo');
    await form.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await form.getByLabel('Sees only').fill('port = x');
    await form.getByRole('alert').waitFor();
    await form.getByLabel('Sees only').fill('dstPort = 443');
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await admin.getByRole('list', { name: 'Users' }).getByText('bo').waitFor();
    await admin
      .getByRole('table', { name: 'Audit log' })
      .getByText('POST /api/v1/access/users')
      .first()
      .waitFor();

    const { page, complaints } = await open(url);
    await logIn(page, 'bo');
    await menu(page, 'bo', 'viewer').click();
    await page.getByText('sees only dstPort = 443').waitFor();
    await page.getByRole('region', { name: 'What you see' }).getByText('dstPort = 443').waitFor();
    for (const name of ['Access', 'Exporters', 'Sources', 'Alerts']) {
      expect(await page.getByRole('link', { name, exact: true }).count()).toBe(0);
    }
    // Nothing was asked for that is refused.
    expect(complaints).toEqual([]);
    await page.getByRole('link', { name: 'Password and tokens' }).click();
    await page.getByLabel('What it is for').fill('a script');
    await page.getByRole('button', { name: 'Make a token' }).click();
    const secret = (await page.getByText(/^weir_/).textContent()) ?? '';
    await page.getByRole('list', { name: 'Tokens' }).getByText('a script').waitFor();
    const ask = (token: string) =>
      fetch(`${url}/api/v1/flows`, { headers: { authorization: `Bearer ${token}` } });
    expect((await ask(secret)).status).toBe(200);
    await page.getByRole('button', { name: 'Revoke a script' }).click();
    await eventually(async () => (await ask(secret)).status).toBe(401);
  });

  test('commands of whoever may read the folder are answered', () => {
    expect(runWeir(['query', '--by', 'protocol', '--data', folder]).stderr).toBe('');
    const { stdout } = runWeir(['user', 'list', '--json', '--data', folder]);
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({ name: 'ann', role: 'admin' });
  });

  test.each(LOOKS)('the page for logging in at $width × $height, $scheme', async (look) => {
    const opened = await open(`${url}/login`, look);
    await opened.page.getByRole('button', { name: 'Log in' }).waitFor();
    await inspect(opened, 'login', look);
  });

  test.each(LOOKS)('the page Access at $width × $height, $scheme', async (look) => {
    const opened = await open(`${url}/login?next=%2Faccess`, look);
    await logIn(opened.page, 'ann');
    await opened.page.getByRole('list', { name: 'Users' }).getByRole('button', { name: /^bo/ }).click();
    await opened.page.getByRole('form', { name: 'User bo' }).waitFor();
    await opened.page.getByRole('table', { name: 'Audit log' }).waitFor();
    await inspect(opened, 'access', look);
  });
});
