/**
 * The exporter's profile: the property `FlowMetadata` of a JSON file. A `Universe.profile` of the Enclave
 * agent is read as it is; what else it holds is left alone.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { EXIT_USAGE, UserError } from '@weir/base';
import { parseJsonDocument, positionAt } from './json-document.ts';
import type { Collector, TlsFiles } from './profile-collector.ts';
import { type Direction, readFlowMetadata } from './profile-properties.ts';
import type { DropSource, NameSources, PeerSource } from './profile-sources.ts';

/** The values that hold, defaults included. Times are milliseconds. */
export interface Profile {
  /** As the person named it; in every message about the profile. */
  readonly fileName: string;
  /** Every collector gets every record, unless it is to get a sample. Empty: effectively disabled. */
  readonly collectors: readonly Collector[];
  readonly direction: Direction;
  /** 0: a record only at the end of a flow; else interim records after so long. A multiple of 60000. */
  readonly intervalMs: number;
  readonly enabled: boolean;
  /** A flow without a packet for so long has ended. */
  readonly idleTimeoutMs: number;
  /** A flow that goes on is reported after so long: `Interval`, or `ActiveTimeout`; 0: never before its end. */
  readonly activeTimeoutMs: number;
  readonly templateRefreshIntervalMs: number;
  readonly observationDomainId: number;
  /** Names of the interfaces to meter; empty: the caller chooses. */
  readonly interfaces: readonly string[];
  /** Octets of a message at most, IP and UDP headers not counted; undefined: what the path carries. */
  readonly messageOctetsMax: number | undefined;
  /** To each collector over UDP, so that a burst does not overrun its socket buffer. */
  readonly messagesPerSecondMax: number;
  /** For collectors over TLS, unless their own entry says otherwise. */
  readonly tls: TlsFiles;
  /** Where messages wait while a collector over TCP or TLS is away; undefined: in memory. */
  readonly spoolDirectory: string | undefined;
  /** Octets on disk for each collector. */
  readonly spoolOctetsMax: number;
  /** The same at both ends of a flow gives it the same flowId; undefined: a key of this process alone. */
  readonly flowIdKey: string | undefined;
  readonly dropSources: readonly DropSource[];
  readonly peers: readonly PeerSource[];
  readonly names: NameSources;
  readonly tcpPerformance: boolean;
}

/** Far more than any agent writes; a wrong path must not be read for ever. */
const PROFILE_OCTETS_MAX = 1_048_576;

/**
 * Parses the text of a profile. Throws one UserError `profile_invalid` (exit code 2) with a line
 * `file:line:column: what was found and what is allowed` for each thing wrong.
 */
export function parseProfile(text: string, fileName: string): Profile {
  const document = parseJsonDocument(text.startsWith('\uFEFF') ? ` ${text.slice(1)}` : text);
  const { values, problems } = readFlowMetadata(document);
  const all = [...document.problems, ...problems].sort((a, b) => a.offset - b.offset);
  if (all.length > 0) {
    const lines = all.map(({ offset, message }) => {
      const { line, column } = positionAt(text, offset);
      return `${fileName}:${line}:${column}: ${message}`;
    });
    throw new UserError('profile_invalid', lines.join('\n'), EXIT_USAGE);
  }
  const { interval, activeTimeout, ...rest } = values;
  return {
    fileName,
    ...rest,
    intervalMs: interval,
    activeTimeoutMs: interval > 0 ? interval : activeTimeout,
  };
}

/** Reads and parses a profile. Throws a UserError `profile_unreadable` or `profile_invalid` (exit code 2). */
export async function loadProfile(path: string): Promise<Profile> {
  let octets: Uint8Array;
  try {
    octets = await readAtMost(path, PROFILE_OCTETS_MAX + 1);
  } catch (error) {
    throw unreadable(path, reasonOf(error));
  }
  if (octets.length > PROFILE_OCTETS_MAX) {
    throw unreadable(path, `is too long, allowed: at most ${PROFILE_OCTETS_MAX} octets`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    throw unreadable(path, 'is not UTF-8 text, allowed: JSON in UTF-8');
  }
  return parseProfile(text, path);
}

/** The first octets of a file, or of a device that has no end. */
async function readAtMost(path: string, octetsMax: number): Promise<Uint8Array> {
  const octets = new Uint8Array(octetsMax);
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    for (let length = 0; ; ) {
      const { bytesRead } = await file.read(octets, length, octetsMax - length);
      length += bytesRead;
      if (bytesRead === 0 || length === octetsMax) return octets.subarray(0, length);
    }
  } finally {
    await file?.close();
  }
}

/** Where the profile lies unless `--profile` says otherwise. */
export function defaultProfilePath(platform: NodeJS.Platform = process.platform): string {
  return platform === 'win32'
    ? 'C:\\Program Files\\Weir\\Agent\\profiles\\Universe.profile'
    : '/etc/weir/profiles/Universe.profile';
}

function unreadable(path: string, reason: string): UserError {
  return new UserError('profile_unreadable', `${path}: ${reason}`, EXIT_USAGE);
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'no such file; name another with --profile';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user';
    case 'EISDIR':
      return 'is a folder, allowed: a file';
    default:
      return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
