/** Where a meter is told of dropped frames: the profile's `DropSources`. */
import { DROP_REASONS, type DropReasonName } from './drop-reason.ts';

export interface NflogSourceOptions {
  readonly kind: 'nflog';
  /** NFLOG group, 0 … 65535. */
  readonly group: number;
  /** Why the group's frames were dropped, where no prefix says so. */
  readonly reason: DropReasonName;
  /** By what a rule's log prefix begins with, why its frames were dropped; the longest counts. */
  readonly prefixReasons?: Readonly<Record<string, DropReasonName>>;
}

export interface PcapngSourceOptions {
  readonly kind: 'pcapng';
  /** A named pipe that is there, or where a Unix socket is to be. */
  readonly path: string;
}

export type DropSourceOptions = NflogSourceOptions | PcapngSourceOptions;

/** The reason of a frame whose rule has this log prefix. */
export function reasonOfPrefix({ reason, prefixReasons = {} }: NflogSourceOptions, prefix: string): number {
  const matching = Object.keys(prefixReasons)
    .filter((beginning) => prefix.startsWith(beginning))
    .sort((one, other) => other.length - one.length);
  const [longest] = matching;
  return DROP_REASONS[longest === undefined ? reason : (prefixReasons[longest] ?? reason)];
}

/** The reason of all frames of a group, or Other when its prefixes stand for several. */
export function reasonOfGroup({ reason, prefixReasons = {} }: NflogSourceOptions): number {
  const isSame = Object.values(prefixReasons).every((other) => other === reason);
  return isSame ? DROP_REASONS[reason] : DROP_REASONS.Other;
}
