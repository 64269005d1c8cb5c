export {
  type CollectorAddress,
  parseCollectorAddress,
  SUPPORTED_TRANSPORTS,
  TRANSPORTS,
  type Transport,
} from './collector-address.ts';
export type { CollectorCounters, ConnectionState } from './collector-connection.ts';
export { FLOW_KINDS, type FlowKind } from './export-template.ts';
export {
  type CollectorState,
  createExporter,
  type Exporter,
  type ExporterCounters,
  type ExporterOptions,
} from './exporter.ts';
export { createIpfixFile, type IpfixFile } from './ipfix-file.ts';
export { defaultProfilePath, loadProfile, type Profile, parseProfile } from './profile.ts';
export type { Anonymisation, Collector, Sampling, TlsFiles } from './profile-collector.ts';
export { describeProfile, printableProfile, reasonDisabled } from './profile-description.ts';
export { editProfile, filesNamed, type ProfileEdit, profileRevision } from './profile-edit.ts';
export { DIRECTIONS, type Direction, PROFILE_PROPERTIES } from './profile-properties.ts';
export {
  DROP_REASONS,
  type DropReason,
  type DropSource,
  type NameSources,
  type PeerSource,
} from './profile-sources.ts';
export type { MeteringLoss, MeteringState } from './statistics-record.ts';
export {
  type LocalSocket,
  MESSAGE_OCTETS_DEFAULT,
  type MessageTransport,
  type SendDone,
} from './udp-transport.ts';
