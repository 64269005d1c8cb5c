import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { receiveBuffers, silentLogger } from '@weir/base';
import { captureCapability, listInterfaces } from '@weir/host';
import { type FlowBatchNote, u64AsNumber, viewFlowBatch } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { createLiveMeter } from './live-meter.ts';

const loopback = listInterfaces().find((candidate) => candidate.loopback)?.name;
const reason = captureCapability().allowed && loopback !== undefined ? '' : ' (this process may not capture)';

/** Sends datagrams of 100 octets to the port of a socket of ours; returns the port that they came from. */
async function send(count: number, port: number): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  for (let index = 0; index < count; index += 1) {
    await new Promise((resolve) => socket.send(Buffer.alloc(100), port, '127.0.0.1', resolve));
  }
  const from = socket.address().port;
  socket.close();
  return from;
}

const rethrow = (error: unknown) => {
  throw error;
};

describe.skipIf(reason !== '')(`a live meter on loopback${reason}`, () => {
  const sources = (['ring', 'pcap'] as const).filter((source) => captureCapability(source).allowed);
  test.each(sources)(
    'meters what passes, leaves excluded sockets out, flushes when it stops: %s',
    async (capture) => {
      const { port1, port2 } = new MessageChannel();
      const flows = new Map<number, [packets: number, octets: number, endReason: number | undefined]>();
      receiveBuffers<FlowBatchNote>(
        port2,
        async (buffer, note) => {
          const { columns, rowCount } = viewFlowBatch(buffer, note);
          for (let row = 0; row < rowCount; row += 1) {
            const counts = [u64AsNumber(columns.packets, row), u64AsNumber(columns.octets, row)] as const;
            flows.set(columns.srcPort[row] as number, [...counts, columns.endReason[row]]);
          }
        },
        rethrow,
      );
      const receiver = createSocket('udp4');
      receiver.bind(0, '127.0.0.1');
      const excluded = createSocket('udp4');
      excluded.bind(0, '127.0.0.1');
      await Promise.all([once(receiver, 'listening'), once(excluded, 'listening')]);
      const meter = createLiveMeter(
        { interfaces: [loopback as string], capture },
        { port: port1, logger: silentLogger },
      );
      await meter.start();
      meter.exclude([{ protocol: 17, localPort: excluded.address().port }]);
      const port = await send(200, receiver.address().port);
      const hidden = await send(50, excluded.address().port);
      await meter.stop();
      expect(flows.get(port)).toEqual([200, 200 * 128, 4]);
      expect(flows.has(hidden)).toBe(false);
      const status = meter.status();
      expect(status?.meter.packetsExcluded).toBeGreaterThanOrEqual(50);
      expect(status?.meter.flowsHeld).toBe(0);
      expect(status?.interfaces[0]).toMatchObject({ name: loopback, kernelDrops: 0 });
      receiver.close();
      excluded.close();
      port2.close();
    },
  );

  test('an interface that is not there is refused at start', async () => {
    const { port1 } = new MessageChannel();
    const meter = createLiveMeter({ interfaces: ['nowhere0'] }, { port: port1, logger: silentLogger });
    await expect(meter.start()).rejects.toMatchObject({ name: 'UserError', code: 'interface_unknown' });
    await meter.stop();
  });
});
