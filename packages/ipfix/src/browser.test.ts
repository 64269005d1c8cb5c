/** The package runs in a browser: no module of it asks for Node, and no global of Node is used. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const PACKAGES = fileURLToPath(new URL('../../', import.meta.url));
const hasChromium = spawnSync('chromium', ['--version']).status === 0;

/** Encodes a message, decodes it both ways, and writes what came out into the page. */
const PAGE = `<!doctype html>
<script type="importmap">{"imports": {"@weir/base": "/base/src/browser.ts"}}</script>
<pre id="result">nothing ran</pre>
<script type="module">
  const show = (value) => { document.getElementById('result').textContent = JSON.stringify(value); };
  window.onerror = (message) => show({ message });
  try {
    const ipfix = await import('/ipfix/src/index.ts');
    const template = {
      templateId: 256,
      scopeFieldCount: 0,
      fields: [
        { enterpriseNumber: 0, elementId: 8, length: 4 },
        { enterpriseNumber: 0, elementId: 2, length: 8 },
        { enterpriseNumber: 0, elementId: 82, length: 65535 },
      ],
    };
    const session = { exporterAddress: '192.0.2.1', localSocket: '', transport: 'udp', source: 'page' };
    const messages = [];
    const encoder = ipfix.createMessageEncoder({
      observationDomainId: 1,
      exportTimeMs: () => 1700000000000,
      onMessage: (bytes, octets) => { messages.push(bytes.slice(0, octets)); return bytes; },
    });
    encoder.addTemplate(template);
    encoder.addRecord(template, {
      fields: { sourceIPv4Address: '10.0.0.1', packetDeltaCount: '18446744073709551615', interfaceName: 'wörks' },
    });
    encoder.flush();
    const batch = ipfix.createFlowBatch(64);
    const decoder = ipfix.createFlowDecoder();
    decoder.decodeDatagram(messages[0], session, 0, { batch, full: () => batch });
    show({ records: [...ipfix.decodeRecords(messages, session)], rows: batch.rowCount });
  } catch (error) {
    show({ message: String(error) });
  }
</script>`;

async function textInChromium(): Promise<string> {
  const server = createServer((request, response) => {
    const url = request.url ?? '/';
    const isModule = /^\/(ipfix|base)\/src\/[a-z0-9.-]+\.ts$/.test(url);
    response.setHeader('content-type', isModule ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(isModule ? stripTypeScriptTypes(readFileSync(`${PACKAGES}${url}`, 'utf8')) : PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=20000', '--dump-dom'];
  try {
    const { stdout } = await promisify(execFile)('chromium', [...flags, `http://127.0.0.1:${port}/`], {
      timeout: 50_000,
    });
    return /<pre id="result">(.*?)<\/pre>/s.exec(stdout)?.[1] ?? stdout;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

test.skipIf(!hasChromium)('encodes and decodes in Chromium, or: chromium is not installed', async () => {
  expect(JSON.parse(await textInChromium())).toEqual({
    records: [
      {
        version: 10,
        exporter: '192.0.2.1',
        exportTime: '2023-11-14T22:13:20Z',
        sequenceNumber: 0,
        observationDomainId: 1,
        templateId: 256,
        fields: {
          sourceIPv4Address: '10.0.0.1',
          packetDeltaCount: '18446744073709551615',
          interfaceName: 'wörks',
        },
      },
    ],
    rows: 1,
  });
});
