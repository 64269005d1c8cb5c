/** All that tells a meter of dropped frames: the sources of a profile and the ledger that they share. */
import { NFLOG_DELAY_MS_MAX, type NflogReader } from '@weir/host';
import type { CapturePacketHandler } from './capture-parser.ts';
import { type DropCounters, DropLedger, type DropLedgerOptions } from './drop-ledger.ts';
import type { DropSourceOptions, NflogSourceOptions } from './drop-source.ts';
import type { FlowIdKey } from './flow-id.ts';
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

/** Sources that were opened and are not yet listened to. */
export interface DropSourceChange {
  commit(): Promise<void>;
  cancel(): void;
}

export class DropIntake {
  readonly #ledger: DropLedger;
  readonly #dependencies: DropIntakeDependencies;
  #groups: NflogSource[] = [];
  #streams: PcapngStream[] = [];
  #streamOctets = 0;
  #turn = 0;

  constructor(sink: FlowRowSink, dependencies: DropIntakeDependencies) {
    this.#ledger = new DropLedger(dependencies.ledger, sink);
    this.#dependencies = dependencies;
  }

  /** Opens sources; throws the UserError of the first that cannot be opened, with none left open. */
  async open(sources: readonly DropSourceOptions[]): Promise<void> {
    const change = await this.prepare(sources);
    await change.commit();
  }

  /**
   * Opens those of `sources` that are not open yet; what they say waits until `commit`, which closes the others.
   * Throws the UserError of the first that cannot be opened, with nothing changed.
   */
  async prepare(sources: readonly DropSourceOptions[]): Promise<DropSourceChange> {
    const groups: NflogSource[] = [];
    const streams: PcapngStream[] = [];
    const cancel = () => {
      for (const group of groups) if (!this.#groups.includes(group)) group.close();
      for (const stream of streams) if (!this.#streams.includes(stream)) stream.close();
    };
    try {
      for (const source of sources) {
        if (source.kind === 'nflog') groups.push(this.#groupOf(source));
        else {
          const stream = this.#streams.find(({ path }) => path === source.path);
          streams.push(stream ?? this.#createStream(source.path));
          if (stream === undefined) await streams.at(-1)?.open();
        }
      }
    } catch (error) {
      cancel();
      throw error;
    }
    const reasons = sources.filter((source) => source.kind === 'nflog');
    return { cancel, commit: () => this.#commit(groups, reasons, streams) };
  }

  /** Records that are written from now on have flowIds with this key. */
  setFlowIdKey(key: FlowIdKey): void {
    this.#ledger.setFlowIdKey(key);
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
  drain(): Promise<void> {
    return drain(this.#groups, this.#streams);
  }

  #groupOf(source: NflogSourceOptions): NflogSource {
    const open = this.#groups.find(({ group }) => group === source.group);
    if (open !== undefined) return open;
    const { openNflog, nowMs } = this.#dependencies;
    return new NflogSource(source, openNflog(source.group), this.#ledger, nowMs);
  }

  #createStream(path: string): PcapngStream {
    const { passed, interfaceIndexOf } = this.#dependencies;
    const target: PcapngStreamTarget = {
      passed,
      interfaceIndexOf,
      dropped: (frame) => this.#ledger.count(frame),
    };
    return new PcapngStream(path, target);
  }

  async #commit(
    groups: NflogSource[],
    reasons: readonly NflogSourceOptions[],
    streams: PcapngStream[],
  ): Promise<void> {
    const groupsLeft = this.#groups.filter((group) => !groups.includes(group));
    const streamsLeft = this.#streams.filter((stream) => !streams.includes(stream));
    await drain(groupsLeft, streamsLeft);
    for (const source of [...groupsLeft, ...streamsLeft]) source.close();
    for (const source of reasons) groups.find(({ group }) => group === source.group)?.setReasons(source);
    this.#groups = groups;
    this.#streams = streams;
    this.#streamOctets = 0;
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

async function drain(groups: readonly NflogSource[], streams: readonly PcapngStream[]): Promise<void> {
  for (const group of groups) {
    for (let polls = 0; polls < DRAIN_POLLS_MAX; polls += 1) {
      if (group.poll(polls < DRAIN_WAITS_MAX ? DRAIN_WAIT_MS : 0) === 0) break;
    }
  }
  for (const stream of streams) await stream.drain();
}
