/**
 * Every public capture, damaged: cut at every octet, and with every single bit of its headers flipped. Whatever
 * comes out, nothing is thrown, no more rows appear than octets went in, nothing beyond the datagram is read,
 * and the capture itself is still decoded afterwards.
 */
import { describe, expect, test } from 'vitest';
import { rowOf, sessionOf } from './datagram-builder.test-support.ts';
import { clearFlowBatch, createFlowBatch } from './flow-batch.ts';
import { createFlowDecoder } from './flow-decoder.ts';
import { exportPackets, fixturesBelow, hasFixtures } from './oracle.test-support.ts';

/** Headers of messages, Sets and template records are within these first octets. */
const HEADER_OCTETS = 64;
/** Datagrams of one capture that are damaged; captures repeat themselves. */
const DATAGRAMS_PER_CAPTURE = 6;

/** Its packets come from different unit tests, which use one template ID for different things. */
const UNRELATED = ['go-ipfix/pkg_collector_process_test__top'];

const CAPTURES = hasFixtures
  ? [...fixturesBelow('exporters/_pcap', '.pcap'), ...fixturesBelow('exporters/netgauze', '.pcap')]
  : [];

/** A decoder that has seen a capture, with the datagram under test in an arena of other octets. */
function prepared(packets: readonly Uint8Array[]) {
  const decoder = createFlowDecoder();
  const batch = createFlowBatch(512);
  let rows = 0;
  const take = () => {
    rows += batch.rowCount;
    clearFlowBatch(batch);
    return batch;
  };
  const sink = { batch, full: take };
  const session = sessionOf();
  const decode = (bytes: Uint8Array) => {
    rows = 0;
    decoder.decodeDatagram(bytes, session, 0, sink);
    take();
    return rows;
  };
  for (const packet of packets) decode(packet);
  return { decode, decoder };
}

/** The rows of a datagram with `poison` around it. */
function rowsWithin(poison: number, packets: readonly Uint8Array[], datagram: Uint8Array): unknown[] {
  const arena = new Uint8Array(datagram.length + 4096).fill(poison);
  arena.set(datagram, 1000);
  const rows: unknown[] = [];
  const decoder = createFlowDecoder();
  const batch = createFlowBatch(512);
  const take = () => {
    for (let row = 0; row < batch.rowCount; row++) rows.push(rowOf(batch, row));
    clearFlowBatch(batch);
    return batch;
  };
  const session = sessionOf();
  const sink = { batch, full: take };
  for (const packet of packets) decoder.decodeDatagram(packet, session, 0, sink);
  rows.length = 0;
  clearFlowBatch(batch);
  decoder.decodeDatagram(arena.subarray(1000, 1000 + datagram.length), session, 0, sink);
  take();
  return rows;
}

describe.skipIf(!hasFixtures)('damaged captures (no shared fixtures: skipped)', () => {
  test.each(CAPTURES)('%s', (name) => {
    const packets = exportPackets(name);
    const { decode } = prepared(packets);
    const goodRows = packets.map((packet) => rowsAfterCapture(packets, packet));
    for (const [index, packet] of packets.slice(0, DATAGRAMS_PER_CAPTURE).entries()) {
      for (let octets = 0; octets < packet.length; octets++) {
        expect(decode(packet.subarray(0, octets))).toBeLessThanOrEqual(octets);
      }
      const flipped = packet.slice();
      for (let bit = 0; bit < Math.min(HEADER_OCTETS, packet.length) * 8; bit++) {
        flipped[bit >> 3]! ^= 0x80 >> (bit & 7);
        expect(decode(flipped)).toBeLessThanOrEqual(packet.length);
        flipped[bit >> 3]! ^= 0x80 >> (bit & 7);
      }
      for (const repeated of packets) decode(later(repeated));
      if (!UNRELATED.some((part) => name.includes(part))) {
        expect(decode(later(packet))).toBe(goodRows[index]);
      }
    }
    const cut = packets[0]?.subarray(0, Math.floor((packets[0]?.length ?? 0) * 0.7)) ?? new Uint8Array(0);
    expect(rowsWithin(0xff, packets, cut)).toEqual(rowsWithin(0, packets, cut));
  });
});

/**
 * The same datagram, exported 3000 s later: a damaged template may claim to be of the next minutes, and
 * holds until they are over.
 */
function later(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  const at = copy[1] === 10 ? 4 : 8;
  if (copy.length < at + 4) return copy;
  const view = new DataView(copy.buffer);
  view.setUint32(at, view.getUint32(at) + 3000);
  return copy;
}

/** Rows of a datagram after its whole capture. */
function rowsAfterCapture(packets: readonly Uint8Array[], packet: Uint8Array): number {
  return prepared(packets).decode(packet);
}
