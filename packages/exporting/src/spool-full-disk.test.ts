import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { OutgoingMessage } from './outgoing-message.ts';
import { openSpool } from './spool.ts';

/** Octets that the disk still takes. */
const disk = vi.hoisted(() => ({ room: Number.POSITIVE_INFINITY }));

vi.mock('node:fs', async (importActual) => {
  const actual = await importActual<typeof import('node:fs')>();
  function writeSync(file: number, bytes: Uint8Array, from: number): number {
    const length = Math.min(bytes.length - from, disk.room);
    if (length === 0)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    disk.room -= length;
    return actual.writeSync(file, bytes, from, length);
  }
  return { ...actual, writeSync };
});

const folder = mkdtempSync(join(tmpdir(), 'weir-full-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A message of one record with so many octets in its flow. */
function messageOf(octets: number): OutgoingMessage {
  const template = { templateId: 256, scopeFieldCount: 0, fields: [] };
  const fields = [{ enterpriseNumber: 0, elementId: 1, length: 8 }];
  const bytes = new Uint8Array(16 + 4 + 8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 10);
  view.setUint16(2, bytes.length);
  view.setUint32(12, 1);
  view.setUint16(16, 256);
  view.setUint16(18, 12);
  view.setBigUint64(20, BigInt(octets));
  return { bytes, records: 1, flows: 1, packets: 1, octets, templates: [{ ...template, fields }] };
}

test('a disk that is full costs the messages that came meanwhile, and leaves no file for each of them', () => {
  const problems: string[] = [];
  const spool = openSpool({
    folder,
    octetsMax: 1_048_576,
    observationDomainId: 1,
    messageOctetsMax: 1400,
    nowMs: () => 1_700_000_000_000,
    onLoss: () => {},
    onProblem: (problem) => void problems.push(problem),
  });
  for (let octets = 1; octets <= 3; octets += 1) spool.append(messageOf(octets));
  const before = spool.octets;
  disk.room = 5;
  for (let octets = 4; octets <= 9; octets += 1) {
    expect(() => spool.append(messageOf(octets))).toThrow('ENOSPC');
  }
  expect(spool.octets).toBe(before);
  expect(readdirSync(folder).filter((name) => name.endsWith('.ipfix'))).toHaveLength(1);
  disk.room = Number.POSITIVE_INFINITY;
  spool.append(messageOf(10));
  const sent: number[] = [];
  for (let message = spool.peek(); message !== undefined; message = spool.peek()) {
    sent.push(message.octets);
    spool.settle(true);
  }
  spool.close();
  expect(sent).toEqual([1, 2, 3, 10]);
  expect(problems).toEqual([]);
});
