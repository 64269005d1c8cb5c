/**
 * The collector that `npm run soak` kills: store and flow sources as `weir collect` has them. Says on stdout, a JSON
 * object a line, what the store has when it is opened, and again and again what is in it for certain: what it had taken
 * before a flush that has ended.
 *
 *   node scripts/soak-collector.ts DATA TCP-PORT UDP-PORT
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStderrLogger, systemClock } from '@weir/base';
import { createCollector, createFlowSource } from '@weir/collecting';
import { openStore } from '@weir/storage';

const FLUSHED_EVERY_MS = 250;
const [dataDirectory = '', tcpPort, udpPort] = process.argv.slice(2);
const logger = createStderrLogger('soak', 'error');
const address = { monitoringAddress: '127.0.0.1', type: 'IPFIX' } as const;

const store = await openStore({ dataDirectory, logger });
tell({ opened: (await store.status()).rowCount });
const collector = createCollector(
  {
    dataDirectory,
    sources: [
      createFlowSource({ name: 'tcp', transport: 'tcp', monitoringPort: Number(tcpPort), ...address }),
      createFlowSource({ name: 'udp', transport: 'udp', monitoringPort: Number(udpPort), ...address }),
    ],
  },
  { logger, clock: systemClock, connectWriter: () => store.connectWriter() },
);
let isStopping = false;
process.on('SIGTERM', () => {
  isStopping = true;
});
await collector.start();
tell({ listening: true });
while (!isStopping) {
  const { rowCount } = await store.status();
  await store.flush();
  tell({ acknowledged: rowCount });
  await sleep(FLUSHED_EVERY_MS);
}
await collector.stop();
await store.close();

function tell(fact: object): void {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}
