import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { receiveBuffers, silentLogger } from '@weir/base';
import { captureCapability, listInterfaces } from '@weir/host';
import { type FlowBatchNote, viewFlowBatch } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { type FlowFields, flowFields } from './flow-fields.ts';
import { createLiveMeter } from './live-meter.ts';

const loopback = listInterfaces().find((candidate) => candidate.loopback)?.name;
const reason = captureCapability().allowed && loopback !== undefined ? '' : ' (this process may not capture)';

/** A TLS record with a ClientHello whose only extension is the server name `weir.test`. */
const HELLO = Buffer.from(
  `16030100410100003d0303${'07'.repeat(32)}0000021301010000120000000e000c000009776569722e74657374`,
  'hex',
);

describe.skipIf(reason !== '')(`a live meter on loopback${reason}`, () => {
  test('tells how a TCP connection performed and for which server it was', async () => {
    const { port1, port2 } = new MessageChannel();
    const rows: FlowFields[] = [];
    receiveBuffers<FlowBatchNote>(
      port2,
      async (buffer, note) => {
        const batch = viewFlowBatch(buffer, note);
        for (let row = 0; row < batch.rowCount; row += 1) rows.push(flowFields(batch, row));
      },
      (error) => {
        throw error;
      },
    );
    const options = { interfaces: [loopback as string], tcpPerformance: true, names: { tls: true } };
    const meter = createLiveMeter(options, { port: port1, logger: silentLogger });
    await meter.start();
    const server = createServer((socket) => socket.on('data', (octets) => socket.end(octets)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    client.end(HELLO);
    client.resume();
    await once(client, 'close');
    server.close();
    await meter.stop();
    const [asking] = rows.filter((row) => row['destinationTransportPort'] === port);
    const [answering] = rows.filter((row) => row['sourceTransportPort'] === port);
    for (const row of [asking, answering]) {
      expect(row).toMatchObject({
        tcpRetransmittedPackets: 0,
        tcpOutOfOrderPackets: 0,
        tcpZeroWindowPackets: 0,
      });
      expect(row?.['tcpServerRoundTripMicroseconds']).toBe(asking?.['tcpServerRoundTripMicroseconds']);
      expect(row?.['tcpServerRoundTripMicroseconds']).toBeGreaterThan(0);
      expect(row?.['tcpClientRoundTripMicroseconds']).toBeGreaterThan(0);
    }
    expect(asking?.['remoteServerName']).toBe('weir.test');
    port2.close();
  });
});
