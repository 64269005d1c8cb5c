/** The page of flow sources, in a real browser, against the real process: edit, stage, deploy, discard. */
import { existsSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, eventually, inspect, LOOKS, open, temporaryFolder } from './console-browser.ts';
import { type ConsoleProcess, freePorts, sendDatagram, startConsoleProcess } from './console-process.ts';
import { runWeir } from './weir-process.ts';

describe.skipIf(!existsSync(CHROMIUM))('flow sources in the console (needs /usr/bin/chromium)', () => {
  let weir: ConsoleProcess;
  let [corePort, edgePort, thirdPort]: [number, number, number] = [0, 0, 0];
  beforeAll(async () => {
    [corePort = 0, edgePort = 0, thirdPort = 0] = await freePorts(3);
    weir = await startConsoleProcess(temporaryFolder(), [
      { name: 'core', type: 'IPFIX', monitoringAddress: '127.0.0.1', monitoringPort: corePort },
      { name: 'edge', type: 'NetFlow', monitoringAddress: '127.0.0.1', monitoringPort: edgePort },
    ]);
  });
  afterAll(async () => void (await weir?.weir.stop()));

  const row = (page: Page, name: string) =>
    page.getByRole('region', { name: 'Flow sources' }).getByRole('button', { name: new RegExp(`^${name}`) });
  const staged = (page: Page) => page.getByRole('region', { name: 'Staged changes' });
  const deployment = (page: Page) => page.getByRole('list', { name: 'What became of each source' });

  test('shows what each source does, and says what it does not take', async () => {
    runWeir(['generate', '--to', `Udp/127.0.0.1:${corePort}`, '--records', '300']);
    const netFlowV5 = new Uint8Array(24);
    netFlowV5[1] = 5;
    await sendDatagram(corePort, netFlowV5);
    const { page, complaints } = await open(`${weir.url}/sources`);
    await row(page, 'core').getByText('listening').waitFor();
    await row(page, 'core')
      .getByText('1 datagram of NetFlow v5 arrived on this source, which takes IPFIX.')
      .waitFor();
    await row(page, 'core').click();
    const panel = page.getByRole('region', { name: 'core' });
    await eventually(async () =>
      Number(
        (await panel.getByText('Datagrams', { exact: true }).locator('..').locator('dd').textContent()) ?? 0,
      ),
    ).toBeGreaterThan(1);
    await panel.getByText('Wrong version').locator('..').getByText('1', { exact: true }).waitFor();
    expect(new URL(page.url()).searchParams.get('source')).toBe('core');
    expect(complaints).toEqual([]);
  });

  test('stages an edit, names its problem at the field, and deploys it without touching the others', async () => {
    const { page } = await open(`${weir.url}/sources?v=1&source=edge`);
    await page.getByLabel('Monitoring port').fill(String(corePort));
    const deploy = staged(page).getByRole('button', { name: 'Deploy Changes' });
    await page
      .getByRole('alert')
      .filter({ hasText: String(corePort) })
      .first()
      .waitFor();
    expect(await page.getByLabel('Monitoring port').getAttribute('aria-invalid')).toBe('true');
    await eventually(() => deploy.isDisabled()).toBe(true);

    await page.getByLabel('Monitoring port').fill(String(thirdPort));
    await staged(page).getByText('ready to deploy').waitFor();
    const difference = staged(page).getByRole('listitem').filter({ hasText: 'edge' });
    expect(await difference.textContent()).toMatch(new RegExp(`monitoringPort.*${edgePort}.*${thirdPort}`));
    await deploy.click();
    await deployment(page).getByText('edge').waitFor();
    const outcome = (await deployment(page).textContent()) ?? '';
    expect(outcome).toMatch(/edge\s*restarted/);
    expect(outcome).toMatch(/core\s*unchanged/);
    await row(page, 'edge').getByText(`udp/127.0.0.1:${thirdPort}`).waitFor();
    await eventually(() => row(page, 'edge').textContent()).toContain('listening');
  });

  test('adds a source, builds one from it, removes, keeps and discards', async () => {
    const { page } = await open(`${weir.url}/sources`);
    await page.getByRole('button', { name: 'Add a source' }).click();
    await page.getByRole('button', { name: 'NetFlow v9', exact: true }).click();
    const name = page.getByLabel('Name', { exact: true });
    await name.fill('branch offices');
    await page.getByLabel('Monitoring address').fill('127.0.0.1');
    const [port = 0] = await freePorts(1);
    await page.getByLabel('Monitoring port').fill(String(port));
    await staged(page).getByText('ready to deploy').waitFor();
    await staged(page).getByText('is added').waitFor();
    await staged(page).getByRole('button', { name: 'Deploy Changes' }).click();
    await eventually(async () => deployment(page).textContent()).toMatch(/branch offices\s*started/);

    await page.getByRole('button', { name: 'Build from it' }).click();
    await eventually(() => name.inputValue()).not.toBe('branch offices');
    expect(await page.getByLabel('Type').inputValue()).toBe('NetFlow v9');
    await staged(page).getByRole('button', { name: 'Discard' }).click();
    await eventually(() => staged(page).count()).toBe(0);

    await row(page, 'branch offices').click();
    await page.getByRole('switch', { name: 'Enabled' }).click();
    await staged(page).getByText('is disabled').waitFor();
    await page.getByRole('button', { name: 'Remove' }).click();
    await staged(page).getByText('is removed').waitFor();
    await page.getByRole('button', { name: 'Keep' }).click();
    await eventually(() => staged(page).count()).toBe(0);
  });

  test('transport, forwarding and file: only what has an effect is asked', async () => {
    const { page } = await open(`${weir.url}/sources?v=1&source=edge`);
    expect(await page.getByLabel('Certificate').count()).toBe(0);
    await page.getByRole('group', { name: 'Transport' }).getByRole('button', { name: 'TLS' }).click();
    await page.getByLabel('Certificate', { exact: true }).waitFor();
    expect(await page.getByLabel('Type').inputValue()).toBe('IPFIX');
    await page.getByRole('switch', { name: 'Forward every datagram' }).click();
    await page.getByLabel('Destinations').fill('192.0.2.9\n192.0.2.10');
    await staged(page).getByText('192.0.2.9, 192.0.2.10').waitFor();
    await page.getByRole('button', { name: 'A file or folder' }).click();
    await page.getByLabel('Source file path').fill('/var/captures');
    await eventually(() => staged(page).textContent()).toContain('/var/captures');
    await staged(page).getByRole('button', { name: 'Discard' }).click();
    await eventually(() => staged(page).count()).toBe(0);
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(`${weir.url}/sources?v=1&source=core`, look);
    const { page } = opened;
    await page.getByLabel('Monitoring port').fill('99999');
    await page.getByRole('alert').first().waitFor();
    await inspect(opened, 'sources', look);
    await staged(page).getByRole('button', { name: 'Discard' }).click();
    await eventually(() => staged(page).count()).toBe(0);
  });
});
