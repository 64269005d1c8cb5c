/**
 * Dropped frames from an NFLOG group: rules that log and then drop (`nft … log group N prefix "…" drop`). The
 * prefix, without the blanks around it, names the rule.
 */
import type { LoggedPacket, NflogReader } from '@weir/host';
import type { DropLedger, DroppedFrame } from './drop-ledger.ts';
import { type NflogSourceOptions, reasonOfGroup, reasonOfPrefix } from './drop-source.ts';
import { LINKTYPE_RAW } from './link-type.ts';
import { DIRECTION_EGRESS, DIRECTION_INGRESS, DIRECTION_UNKNOWN } from './packet-burst.ts';

/** Netfilter hooks, linux/netfilter.h. */
const HOOK_OUTPUT = 3;
const HOOK_POSTROUTING = 4;
/** Rule sets are small; a table of prefixes above this begins anew. */
const PREFIXES_REMEMBERED_MAX = 4096;

export interface NflogSourceStatus {
  readonly group: number;
  /** Frames handed over by the kernel. */
  readonly frames: number;
  /**
   * Frames that the kernel could not hand over or that were no IP packets; they are in the drop records of
   * their reason, without octets.
   */
  readonly framesLost: number;
}

interface Rule {
  readonly name: string;
  readonly reason: number;
}

export class NflogSource {
  #options: NflogSourceOptions;
  readonly #reader: NflogReader;
  readonly #rules = new Map<string, Rule>();
  readonly #ledger: DropLedger;
  readonly #nowMs: () => number;
  readonly #frame: DroppedFrame = {
    bytes: new Uint8Array(0),
    offset: 0,
    capturedLength: 0,
    wireLength: 0,
    linkType: LINKTYPE_RAW,
    timestampMs: 0,
    direction: DIRECTION_UNKNOWN,
    interfaceIndex: 0,
    otherInterface: 0,
    reason: 0,
    ruleName: '',
  };
  #lost = 0;

  /** Owns `reader`, which is bound to the group of `options` and to no other. */
  constructor(options: NflogSourceOptions, reader: NflogReader, ledger: DropLedger, nowMs: () => number) {
    this.#options = options;
    this.#reader = reader;
    this.#ledger = ledger;
    this.#nowMs = nowMs;
  }

  /** Counts what the kernel has, waiting up to `timeoutMs` when it has nothing. Returns the number of frames. */
  poll(timeoutMs: number): number {
    const frames = this.#reader.poll(timeoutMs, this.#take);
    if (frames > 0) this.#countLost();
    return frames;
  }

  get group(): number {
    return this.#options.group;
  }

  /** Other reasons for the frames of the same group, from the next one on. */
  setReasons(options: NflogSourceOptions): void {
    this.poll(0);
    this.#options = options;
    this.#rules.clear();
  }

  status(): NflogSourceStatus {
    return {
      group: this.#options.group,
      frames: this.#reader.statistics().packets,
      framesLost: this.#lost,
    };
  }

  close(): void {
    this.#reader.close();
  }

  readonly #take = (packet: LoggedPacket): void => {
    const frame = this.#frame;
    const rule = this.#rules.get(packet.prefix) ?? this.#remember(packet.prefix);
    frame.bytes = packet.bytes;
    frame.offset = packet.offset;
    frame.capturedLength = packet.capturedLength;
    frame.wireLength = packet.wireLength;
    frame.timestampMs = packet.timestampMs === 0 ? this.#nowMs() : packet.timestampMs;
    frame.direction = directionOf(packet);
    const isEgress = frame.direction === DIRECTION_EGRESS;
    frame.interfaceIndex = isEgress ? packet.outInterface : packet.inInterface;
    frame.otherInterface = isEgress ? packet.inInterface : packet.outInterface;
    frame.reason = rule.reason;
    frame.ruleName = rule.name;
    this.#ledger.count(frame);
  };

  #remember(prefix: string): Rule {
    if (this.#rules.size >= PREFIXES_REMEMBERED_MAX) this.#rules.clear();
    const rule = { name: prefix.trim(), reason: reasonOfPrefix(this.#options, prefix) };
    this.#rules.set(prefix, rule);
    return rule;
  }

  #countLost(): void {
    const { kernelDrops, malformed } = this.#reader.statistics();
    const lost = kernelDrops + malformed - this.#lost;
    if (lost === 0) return;
    this.#lost += lost;
    this.#ledger.countLost(lost, reasonOfGroup(this.#options), this.#nowMs());
  }
}

/**
 * What leaves is egress; all else that has come in somewhere is ingress, also what was to be forwarded: it
 * was refused on the way in, and its record says where it would have gone. Hook numbers alone do not do: in
 * the family netdev they mean something else.
 */
function directionOf({ hook, inInterface, outInterface }: LoggedPacket): number {
  if (hook === HOOK_OUTPUT || hook === HOOK_POSTROUTING) return DIRECTION_EGRESS;
  if (inInterface !== 0) return DIRECTION_INGRESS;
  return outInterface === 0 ? DIRECTION_UNKNOWN : DIRECTION_EGRESS;
}
