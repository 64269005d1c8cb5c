/** All that tells a meter of dropped frames: the sources of a profile and the ledger that they share. */
import { NFLOG_DELAY_MS_MAX, type NflogReader } from '@weir/host';
import type { CapturePacketHandler } from './capture-parser.ts';
import { type DropCounters, DropLedger, type DropLedgerOptions } from './drop-ledger.ts';
import type { DropSourceOptions } from './drop-source.ts';
import type { FlowRowSink } from './flow-row.ts';
import { NflogSource, type NflogSourceStatus } from './nflog-source.ts';
import { PcapngStream, type PcapngStreamStatus } from './pcapng-stream.ts';
import type { PcapngStreamTarget } from './pcapng-stream-reader.ts';

/** The kernel keeps dropped frames back for a moment to hand over many at once: those are waited for. */
const DRAIN_WAIT_MS = 2 * NFLOG_DELAY_MS_MAX;
/** So often at most: a rule that goes on logging must not keep the meter from stopping. */
const DRAIN_WAITS_MAX = 5;
/** Turns in which a stopping meter still asks a group that is flooded. */
const DRAIN_POLLS_MAX = 1000;

export interface DropStatus {
  readonly ledger: DropCounters;
  readonly nflog: readonly NflogSourceStatus[];
  readonly pcapng: readonly PcapngStreamStatus[];
}

export interface DropIntakeDependencies {
  readonly ledger: DropLedgerOptions;
  /** Takes the packets of pcapng streams that were not dropped. */
  readonly passed: CapturePacketHandler;
  readonly interfaceIndexOf: (name: string) => number;
  readonly openNflog: (group: number) => NflogReader;
  readonly nowMs: () => number;
}

export class DropIntake {
  readonly #ledger: DropLedger;
  readonly #dependencies: DropIntakeDependencies;
  readonly #groups: NflogSource[] = [];
  readonly #streams: PcapngStream[] = [];
  #streamOctets = 0;
  #turn = 0;

  constructor(sink: FlowRowSink, dependencies: DropIntakeDependencies) {
    this.#ledger = new DropLedger(dependencies.ledger, sink);
    this.#dependencies = dependencies;
  }

  /** Opens sources; throws the UserError of the first that cannot be opened, with none left open. */
  async open(sources: readonly DropSourceOptions[]): Promise<void> {
    const { openNflog, nowMs, passed, interfaceIndexOf } = this.#dependencies;
    const ledger = this.#ledger;
    const target: PcapngStreamTarget = { passed, interfaceIndexOf, dropped: (frame) => ledger.count(frame) };
    try {
      for (const source of sources) {
        if (source.kind === 'nflog') {
          this.#groups.push(new NflogSource(source, openNflog(source.group), ledger, nowMs));
          continue;
        }
        const stream = new PcapngStream(source.path, target);
        this.#streams.push(stream);
        await stream.open();
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Takes what the sources have now; returns a number above 0 when there may be more soon. */
  poll(): number {
    let frames = 0;
    for (const group of this.#groups) frames += group.poll(0);
    let octets = 0;
    for (const stream of this.#streams) octets += stream.octets;
    const octetsBefore = this.#streamOctets;
    this.#streamOctets = octets;
    return frames + octets - octetsBefore;
  }

  /** Waits up to `timeoutMs` for a frame; false at once when there is nothing that one could wait for. */
  wait(timeoutMs: number): boolean {
    const group = this.#groups[this.#turn % this.#groups.length];
    this.#turn += 1;
    group?.poll(Math.ceil(timeoutMs / this.#groups.length));
    return group !== undefined;
  }

  /** As DropLedger.tick. */
  tick(nowMs: number, recordsMax: number): boolean {
    return this.#ledger.tick(nowMs, recordsMax);
  }

  /** As DropLedger.flushAll. */
  flushAll(recordsMax: number): boolean {
    return this.#ledger.flushAll(recordsMax);
  }

  /** Takes what the sources still hold. */
  async drain(): Promise<void> {
    for (const group of this.#groups) {
      for (let polls = 0; polls < DRAIN_POLLS_MAX; polls += 1) {
        if (group.poll(polls < DRAIN_WAITS_MAX ? DRAIN_WAIT_MS : 0) === 0) break;
      }
    }
    for (const stream of this.#streams) await stream.drain();
  }

  status(): DropStatus {
    return {
      ledger: this.#ledger.counters(),
      nflog: this.#groups.map((group) => group.status()),
      pcapng: this.#streams.map((stream) => stream.status()),
    };
  }

  close(): void {
    for (const group of this.#groups) group.close();
    for (const stream of this.#streams) stream.close();
  }
}
