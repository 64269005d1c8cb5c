import type { FileSourceStatus } from './file-source-status.ts';
import type { ListenerCounters, ListenerStatus, RefusedVersion } from './listener-status.ts';
import type { MessageIntake } from './message-intake.ts';

/** How a listener receives: what differs between datagrams and streams. It begins when it is opened. */
export interface Reception {
  readonly localPort: number;
  readonly kind: ListenerStatus['receiver'];
  readonly receiveBufferOctets: number;
  readonly messages: MessageIntake;
  counters(): ListenerCounters;
  refusedVersions(): RefusedVersion[];
  stream(): ListenerStatus['stream'];
  /** Only of a source file path. */
  files?(): FileSourceStatus;
  /** Takes to its end what exporters have sent, within seconds, and then nothing more. */
  finish(): Promise<void>;
  close(): Promise<void>;
}
