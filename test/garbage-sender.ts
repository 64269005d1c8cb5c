/**
 * A child process that floods a port of loopback with what no exporter means to send, from many source addresses, until
 * it is told to stop: `node garbage-sender.ts PORT ADDRESSES SEED PER_SECOND` (0: as fast as it can). It prints a line
 * when it begins, and on SIGTERM one with the number of datagrams that it sent.
 */
import { createSocket, type Socket } from 'node:dgram';
import process from 'node:process';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { createRecordMix } from '@weir/collecting';

const [port = 0, addresses = 0, seed = 1, perSecond = 0] = process.argv.slice(2).map(Number);
const SOCKETS_AT_ONCE = 100;
const DATAGRAMS_PER_SOCKET = 20;
const OCTETS_MAX = 1400;

let state = seed >>> 0 || 1;
/** xorshift32: 0 … below - 1. */
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

const mix = createRecordMix({ seed });
const message = new Uint8Array(1500);

/** Random octets, some of them behind a header that a decoder believes. */
function noise(): Uint8Array {
  const bytes = new Uint8Array(16 + random(OCTETS_MAX - 16));
  for (let at = 0; at < bytes.length; at++) bytes[at] = random(256);
  const version = [0, 1, 5, 7, 9, 10][random(6)] ?? 0;
  if (version > 0) new DataView(bytes.buffer).setUint16(0, version);
  if (version === 10) new DataView(bytes.buffer).setUint16(2, bytes.length);
  return bytes;
}

/** A message with templates and records, of which some octets are no longer what they were. */
function mutation(): Uint8Array {
  const bytes = message.slice(0, mix.writeMessage(message, Date.now(), 1 + random(20), random(2) === 0));
  for (let count = 1 + random(8); count > 0; count--) bytes[16 + random(bytes.length - 16)] = random(256);
  return bytes;
}

/** A template of its own identifier and length each, for whoever keeps them all. */
function template(): Uint8Array {
  const fields = 1 + random(30);
  const octets = 16 + 8 + fields * 4;
  const view = new DataView(new ArrayBuffer(octets));
  view.setUint16(0, 10);
  view.setUint16(2, octets);
  view.setUint32(12, random(1 << 30));
  view.setUint16(16, 2);
  view.setUint16(18, octets - 16);
  view.setUint16(20, 256 + random(65_000));
  view.setUint16(22, fields);
  for (let field = 0; field < fields; field++) {
    view.setUint16(24 + field * 4, random(500));
    view.setUint16(26 + field * 4, random(3) === 0 ? 65_535 : random(70));
  }
  return new Uint8Array(view.buffer);
}

const KINDS = [noise, mutation, template];
// Made once: making them must not be what limits the flood.
const datagrams = Array.from({ length: 3000 }, (_, index) => (KINDS[index % KINDS.length] ?? noise)());

function bound(number: number): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  const address = `127.${100 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  return new Promise((resolve) => socket.bind(0, address, () => resolve(socket)));
}

process.stdout.write('sending\n');
const startedMs = performance.now();
let sent = 0;
let isStopping = false;
process.on('SIGTERM', () => {
  isStopping = true;
});

for (let first = 0; !isStopping; first = (first + SOCKETS_AT_ONCE) % addresses) {
  const sockets = await Promise.all(
    Array.from({ length: SOCKETS_AT_ONCE }, (_, index) => bound(first + index)),
  );
  for (let round = 0; round < DATAGRAMS_PER_SOCKET; round++) {
    const sending = sockets.map((socket) => {
      const datagram = datagrams[random(datagrams.length)];
      return new Promise<void>((resolve) => socket.send(datagram ?? '', port, '127.0.0.1', () => resolve()));
    });
    await Promise.all(sending);
    sent += sending.length;
    const aheadMs = perSecond === 0 ? 0 : (sent / perSecond) * 1000 - (performance.now() - startedMs);
    if (aheadMs > 5) await sleep(aheadMs);
  }
  for (const socket of sockets) socket.close();
  await nextTurn(); // sockets close, and signals are heard, between turns of the event loop
}
process.stdout.write(`${sent}\n`);
