/** `weir export --test`: one record to each collector that nobody can take for traffic. */
import { type Logger, UserError } from '@weir/base';
import { type CollectorState, createExporter, type Profile, reasonDisabled } from '@weir/exporting';
import {
  createFlowBatch,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowColumnName,
  setPresent,
  setU64FromNumber,
} from '@weir/ipfix';

/** RFC 5737: addresses for documentation, which no network carries; RFC 863: the discard port. */
const SOURCE = { text: '192.0.2.1', word: 0xc000_0201 };
const DESTINATION = { text: '192.0.2.2', word: 0xc000_0202 };
const PORT_DISCARD = 9;
const UDP = 17;
const OCTETS = 28;
const DURATION_MS = 1_000;
/** An ICMP report of a closed port comes back sooner, and a connection is made sooner, if there is one. */
const PATIENCE_MS = 2_000;

/** Sends the record, tells of each collector, and throws a UserError when one did not get it. */
export async function sendTestRecord(profile: Profile, logger: Logger): Promise<void> {
  const disabled = reasonDisabled(profile);
  if (disabled !== undefined) throw new UserError('export_disabled', `${profile.fileName}: ${disabled}`);
  const nowMs = Date.now();
  const exporter = createExporter(forTest(profile), { logger });
  await exporter.start();
  exporter.export(testBatch(profile, nowMs));
  exporter.flush();
  await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const sources = exporter.collectors().map(({ localSocket }) => localSocket);
  await exporter.stop();
  const collectors = exporter.collectors();
  collectors.forEach((state, index) => {
    const from = sources[index];
    const origin = from === undefined ? '' : ` from ${from.localAddress} port ${from.localPort}`;
    process.stdout.write(`${state.name}: ${outcomeOf(state)}${origin}\n`);
  });
  process.stdout.write(`${lookFor(profile, nowMs)}\n`);
  const failed = collectors.filter((state) => !isSent(state));
  if (failed.length > 0) {
    const names = failed.map(({ name }) => name).join(', ');
    throw new UserError('export_test_failed', `the test record did not reach ${names}`);
  }
}

function isSent({ counters }: CollectorState): boolean {
  return counters.flowsSent > 0 && counters.refused === 0;
}

/** No sampling, which may leave it out; no spool, which belongs to the exporter that runs. */
function forTest(profile: Profile): Profile {
  const collectors = profile.collectors.map(({ sampling: _, ...collector }) => collector);
  return { ...profile, collectors, spoolDirectory: undefined };
}

function outcomeOf(state: CollectorState): string {
  const { counters, lastError } = state;
  if (counters.refused > 0) return 'refused: nothing listens at its port';
  if (isSent(state)) return `sent 1 flow record in ${counters.messagesSent} messages`;
  return `not sent: ${lastError ?? 'it cannot be reached'}`;
}

function lookFor({ observationDomainId, collectors }: Profile, nowMs: number): string {
  const from = new Date(nowMs - DURATION_MS).toISOString();
  const to = new Date(nowMs).toISOString();
  return [
    `look in the collector for this record, in observation domain ${observationDomainId}:`,
    `  UDP ${SOURCE.text}:${PORT_DISCARD} -> ${DESTINATION.text}:${PORT_DISCARD}`,
    `  1 packet, ${OCTETS} octets, from ${from} to ${to}`,
    '  (addresses of TEST-NET-1, RFC 5737: no network carries them)',
    ...(collectors.some(({ anonymisation }) => anonymisation !== undefined)
      ? ['  (where a collector has Anonymisation, with other addresses)']
      : []),
    'over UDP nobody confirms it: where it is not there, look at firewalls on the way and at the port',
  ].join('\n');
}

function testBatch({ direction }: Profile, nowMs: number): FlowBatch {
  const batch = createFlowBatch(64);
  batch.rowCount = 1;
  batch.extraEnd[0] = 0;
  batch.exporters.push({ address: 'local', observationDomainId: 0, source: 'test', version: 0 });
  setU64(batch, 'receivedAt', nowMs);
  setU64(batch, 'flowStart', nowMs - DURATION_MS);
  setU64(batch, 'flowEnd', nowMs);
  setAddress(batch, 'src', SOURCE.word);
  setAddress(batch, 'dst', DESTINATION.word);
  setU64(batch, 'octets', OCTETS);
  setU64(batch, 'packets', 1);
  set(batch, 'exporter', 0);
  set(batch, 'srcPort', PORT_DISCARD);
  set(batch, 'dstPort', PORT_DISCARD);
  set(batch, 'protocol', UDP);
  set(batch, 'direction', direction === 'SendingToPeer' ? 1 : 0);
  set(batch, 'endReason', 3);
  return batch;
}

function setAddress(batch: FlowBatch, side: 'src' | 'dst', word: number): void {
  setU64(batch, `${side}AddrHi`, 0);
  const low = batch.columns[`${side}AddrLo`];
  low[0] = word;
  low[1] = 0xffff;
  setPresent(batch, FLOW_COLUMN_INDEX[`${side}AddrLo`], 0, 1);
}

function setU64(batch: FlowBatch, name: FlowColumnName, value: number): void {
  setU64FromNumber(batch.columns[name] as Uint32Array, 0, value);
  setPresent(batch, FLOW_COLUMN_INDEX[name], 0, 1);
}

function set(batch: FlowBatch, name: FlowColumnName, value: number): void {
  batch.columns[name][0] = value;
  setPresent(batch, FLOW_COLUMN_INDEX[name], 0, 1);
}
