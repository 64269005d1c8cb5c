/** The whole of Weir as a person starts it, for tests of the console: sources on ports of the test's own. */
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { buildConsole } from './console-server.ts';
import { type RunningWeir, startWeir } from './weir-process.ts';

export interface ConsoleProcess {
  url: string;
  weir: RunningWeir;
}

/** `weir up` without a meter, with these flow sources in its configuration. */
export async function startConsoleProcess(
  dataDirectory: string,
  sources: readonly Record<string, unknown>[],
): Promise<ConsoleProcess> {
  buildConsole();
  writeFileSync(path.join(dataDirectory, 'collector.json'), JSON.stringify({ sources }));
  const weir = startWeir(['up', '--no-meter', '--http', '127.0.0.1:0', '--data', dataDirectory]);
  const line = await weir.said(/Weir is at http/);
  return { url: /http\S+/.exec(line)?.[0] ?? '', weir };
}

/** UDP ports that are free at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4'));
  await Promise.all(
    sockets.map((socket) => new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))),
  );
  const ports = sockets.map((socket) => socket.address().port);
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  return ports;
}

/** One datagram to a port of this machine. */
export async function sendDatagram(port: number, octets: Uint8Array): Promise<void> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) =>
    socket.send(octets, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error))),
  );
  socket.close();
}
