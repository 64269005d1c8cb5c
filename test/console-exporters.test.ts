/** The page of exporters, in a real browser, against the real process. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addressField,
  CHROMIUM,
  eventually,
  inspect,
  LOOKS,
  open,
  temporaryFolder,
} from './console-browser.ts';
import { type ConsoleProcess, freePorts, sendDatagram, startConsoleProcess } from './console-process.ts';
import { runWeir } from './weir-process.ts';

const HEADER_OCTETS = 24;
const RECORD_OCTETS = 48;

/** A NetFlow v5 datagram with one record; `sequence` is the number of records sent before. */
function netFlowV5(sequence: number): Uint8Array {
  const octets = new Uint8Array(HEADER_OCTETS + RECORD_OCTETS);
  const view = new DataView(octets.buffer);
  const now = Date.now();
  view.setUint16(0, 5);
  view.setUint16(2, 1);
  view.setUint32(4, 60_000);
  view.setUint32(8, Math.floor(now / 1000));
  view.setUint32(12, (now % 1000) * 1_000_000);
  view.setUint32(16, sequence);
  view.setUint32(HEADER_OCTETS, 0x0a000001);
  view.setUint32(HEADER_OCTETS + 4, 0x0a000002);
  view.setUint32(HEADER_OCTETS + 16, 10); // packets
  view.setUint32(HEADER_OCTETS + 20, 1000); // octets
  view.setUint32(HEADER_OCTETS + 24, 50_000);
  view.setUint32(HEADER_OCTETS + 28, 59_000);
  octets[HEADER_OCTETS + 38] = 17;
  return octets;
}

describe.skipIf(!existsSync(CHROMIUM))('exporters in the console (needs /usr/bin/chromium)', () => {
  let weir: ConsoleProcess;
  let [ipfixPort, netFlowPort]: [number, number] = [0, 0];
  beforeAll(async () => {
    [ipfixPort = 0, netFlowPort = 0] = await freePorts(2);
    weir = await startConsoleProcess(temporaryFolder(), [
      { name: 'core', type: 'IPFIX', monitoringAddress: '127.0.0.1', monitoringPort: ipfixPort },
      { name: 'edge', type: 'NetFlow v5', monitoringAddress: '127.0.0.1', monitoringPort: netFlowPort },
    ]);
  });
  afterAll(async () => void (await weir?.weir.stop()));

  test('says why it is empty and where to go; then who exports, what is lost, what templates lack', async () => {
    const { page, complaints } = await open(`${weir.url}/exporters`);
    await page.getByText('No exporter has sent anything yet.').waitFor();
    runWeir(['generate', '--to', `Udp/127.0.0.1:${ipfixPort}`, '--records', '500']);
    await sendDatagram(netFlowPort, netFlowV5(1000));

    const rows = page.getByRole('list', { name: 'Exporters' }).getByRole('button');
    await eventually(() => rows.count()).toBe(2);
    const ipfix = rows.filter({ hasText: 'IPFIX' });
    const edge = rows.filter({ hasText: 'NetFlow v5' });
    await ipfix.getByText(/Templates lack .* for Policy/).waitFor();
    const alarms = page.getByRole('region', { name: 'Alarms' });
    let sequence = 1001;
    const nextSequence = (): number => {
      sequence += 4000;
      return sequence;
    };
    await eventually(async () => {
      await sendDatagram(netFlowPort, netFlowV5(nextSequence()));
      return alarms.getByText(/is missing by its sequence numbers/).count();
    }).toBe(1);
    await edge.getByText(/lost now/).waitFor();

    await ipfix.click();
    expect(addressField(page, 'exporter')).toContain('core');
    const detail = page.getByRole('region', { name: '127.0.0.1' });
    await detail.getByText('Template 256').waitFor();
    expect(
      await detail
        .getByText(/Policy lacks/)
        .first()
        .locator('..')
        .textContent(),
    ).toContain('ruleName');
    await alarms.getByRole('button', { name: '127.0.0.1' }).click();
    await eventually(() => detail.getByText('Lost in all').locator('..').textContent()).toMatch(/[1-9]/);

    await page.getByLabel('Find an exporter').fill('edge');
    await eventually(() => rows.count()).toBe(1);
    await detail.getByRole('link', { name: 'Its traffic' }).click();
    await eventually(() => addressField(page, 'filter')).toBe('exporter = 127.0.0.1');
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(`${weir.url}/exporters`, look);
    const { page } = opened;
    await page
      .getByRole('list', { name: 'Exporters' })
      .getByRole('button')
      .filter({ hasText: 'IPFIX' })
      .click();
    await page.getByText('Template 256').waitFor();
    await inspect(opened, 'exporters', look);
  });
});
