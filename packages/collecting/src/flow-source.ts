/**
 * A flow source: what an operator adds to a collector, with every parameter that there is, its default and
 * what is allowed. The checks here are those of one source; those between sources are in
 * `checkFlowSources`.
 */
import { isIP } from 'node:net';
import { EXIT_USAGE, UserError } from '@weir/base';
import { z } from 'zod';
import { alarmsSchema, allowSchema, limitsSchema } from './access-settings.ts';
import { FLOW_SOURCE_TYPES, type FlowSourceType } from './flow-source-type.ts';
import { parseDestination } from './relay-destination.ts';
import { sessionsSchema } from './session-parameters.ts';
import {
  canonicalAddress,
  formatSocketAddress,
  type ListenAddress,
  PORT_MAX,
  TRANSPORTS,
} from './socket-address.ts';

export const NETFLOW_PORT_DEFAULT = 2055;
/** IANA's port for IPFIX over UDP and TCP. */
export const IPFIX_PORT_DEFAULT = 4739;
export const FORWARDING_PORT_DEFAULT = 1025;
/** The collector that runs in this process. */
export const TARGET_COLLECTOR_DEFAULT = 'local';
/** A listener is a thread with a decoder and about 20 MiB of buffers: 64 of them stay below 2 GiB. */
export const FLOW_SOURCES_MAX = 64;
const FORWARDING_DESTINATIONS_MAX = 16; // each costs one send a datagram
/** A connection in full flow holds at most about 400 KiB: 4,096 of them stay below 2 GiB. */
const CONNECTIONS_MAX = 4096;
const SUBJECTS_MAX = 1024;
const DAY_S = 86_400;

const NAME_ALLOWED =
  '1 to 64 letters, digits, spaces or any of . _ : / [ ] -, starting with a letter or digit';
const PORT_ALLOWED = `a port from 1 to ${PORT_MAX}`;

const port = z.int({ error: PORT_ALLOWED }).min(1, PORT_ALLOWED).max(PORT_MAX, PORT_ALLOWED);
const yesOrNo = z.boolean({ error: 'true or false' });
const filePath = z.string({ error: 'a path' }).min(1, 'a path');
const subject = z
  .string({ error: 'a name in a certificate' })
  .regex(/^[\x21-\x7e][\x20-\x7e]{0,254}$/, 'a name in a certificate, 1 to 255 printable characters');
const DESTINATION_ALLOWED =
  '"IP" or "Udp/IP:Port", IPv6 in brackets, with " 1/N" behind for one datagram in N';
const destination = z
  .string({ error: DESTINATION_ALLOWED })
  .refine((text) => parseDestination(text) !== undefined, { error: DESTINATION_ALLOWED });

const forwardingSchema = z.strictObject(
  {
    enabled: yesOrNo.default(false).describe('Whether what is received is relayed'),
    port: port.default(FORWARDING_PORT_DEFAULT).describe('Port of those destinations that name none'),
    destinations: z
      .array(destination, { error: 'a list of destinations' })
      .max(FORWARDING_DESTINATIONS_MAX, `at most ${FORWARDING_DESTINATIONS_MAX} destinations`)
      .default([])
      .describe(DESTINATION_ALLOWED),
    templatesEverySeconds: wholeNumber(1, DAY_S)
      .optional()
      .describe('Known templates are sent again so often, for who begins to listen; left out, 60'),
    preserveSource: yesOrNo
      .optional()
      .describe('Whether datagrams keep the address of their exporter (IPv4, Linux, CAP_NET_RAW)'),
  },
  objectError('an object'),
);

/** RFC 7011 section 11: who may speak to a source over TLS, and who we are to them. Files are PEM. */
const tlsSchema = z.strictObject(
  {
    certificate: filePath.describe('Our certificate with its chain, in PEM'),
    key: filePath.describe('Its key, in PEM'),
    clientCa: filePath
      .optional()
      .describe('Authorities of exporters’ certificates: who has none of theirs is refused'),
    subjects: z
      .array(subject, { error: 'a list of names' })
      .min(1, 'at least one name')
      .max(SUBJECTS_MAX, `at most ${SUBJECTS_MAX} names`)
      .optional()
      .describe('Common or DNS names (*. for one label) that may export; left out, every trusted one'),
  },
  objectError('an object with certificate and key'),
);

/** Limits of a source over TCP or TLS. */
const connectionsSchema = z.strictObject(
  {
    max: wholeNumber(1, CONNECTIONS_MAX).default(1024).describe('Connections at a time'),
    perAddressMax: wholeNumber(1, CONNECTIONS_MAX).default(64).describe('Connections of one address'),
    idleTimeoutSeconds: wholeNumber(0, DAY_S)
      .default(1800)
      .describe('A connection without a whole message for so long is closed; 0: never'),
  },
  objectError('an object with max, perAddressMax and idleTimeoutSeconds'),
);

export const flowSourceSchema = z.strictObject(
  {
    name: z
      .string({ error: NAME_ALLOWED })
      .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._:/[\]-]{0,63}$/u, NAME_ALLOWED)
      .describe('What people call it; no two sources share one'),
    enabled: yesOrNo.default(true).describe('Whether it collects'),
    targetCollector: z
      .string({ error: 'the name of a collector' })
      .min(1, 'the name of a collector')
      .default(TARGET_COLLECTOR_DEFAULT)
      .describe('The collector that it is for; a collector runs only those of its own, local'),
    type: z
      .enum(FLOW_SOURCE_TYPES, { error: `one of ${FLOW_SOURCE_TYPES.join(', ')}` })
      .default('Any')
      .describe('What it accepts; anything else is counted and told, not decoded'),
    monitoringInterface: z
      .string({ error: 'the name of an interface, or any' })
      .regex(/^[^\s/]{1,15}$/, 'the name of an interface (1 to 15 characters), or any')
      .default('any')
      .describe('Name of the interface that datagrams must arrive on, or any'),
    monitoringAddress: z
      .string({ error: 'an IP address; 0.0.0.0 and :: are every address of the machine' })
      .refine((text) => isIP(text) !== 0, 'an IP address; 0.0.0.0 and :: are every address of the machine')
      .transform(canonicalAddress)
      .default('0.0.0.0')
      .describe('IP address to listen on; 0.0.0.0, the default, and :: are every address of the machine'),
    monitoringPort: port.describe('Port to listen on; may be left out with a sourceFilePath'),
    transport: z
      .enum(TRANSPORTS, { error: `one of ${TRANSPORTS.join(', ')}` })
      .default('udp')
      .describe('How exporters send'),
    tls: tlsSchema.optional().describe('Required for tls'),
    connections: connectionsSchema.optional().describe('For tcp and tls'),
    sourceFilePath: filePath
      .optional()
      .describe('A capture or IPFIX file to read, or a folder to follow, in place of a socket'),
    allow: allowSchema
      .optional()
      .describe('Networks of the exporters that are heard; left out, everybody is'),
    limits: limitsSchema.optional().describe('What one exporter may send'),
    alarms: alarmsSchema.optional().describe('When an operator is told that something is wrong'),
    asymmetricFlows: yesOrNo.default(false).describe('Whether directions are paired across exporters'),
    sessions: sessionsSchema.optional(),
    forwarding: forwardingSchema
      .default({ enabled: false, port: FORWARDING_PORT_DEFAULT, destinations: [] })
      .describe('Relaying of what is received'),
  },
  objectError('an object with the parameters of a flow source'),
);

/** A source as somebody writes it: one that reads files needs no port, which would mean nothing. */
export const writtenFlowSourceSchema = z.preprocess(
  (written) =>
    isRecord(written) && written['sourceFilePath'] !== undefined && written['monitoringPort'] === undefined
      ? { ...written, monitoringPort: NETFLOW_PORT_DEFAULT }
      : written,
  flowSourceSchema,
);

export type FlowSource = Readonly<z.output<typeof flowSourceSchema>>;
export type TlsSettings = Readonly<z.output<typeof tlsSchema>>;
export type ConnectionLimits = Readonly<z.output<typeof connectionsSchema>>;
/** A source as it may be written: what has a default may be left out. */
export type FlowSourceInput = z.input<typeof flowSourceSchema>;

/** The parameters of a source as it may be written, as JSON Schema. */
export function flowSourceJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(flowSourceSchema, { io: 'input', unrepresentable: 'any' });
}

/** A source with its defaults filled in. Throws UserError `flow_source_invalid` naming the parameter. */
export function createFlowSource(input: FlowSourceInput): FlowSource {
  const result = writtenFlowSourceSchema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue === undefined ? '' : issue.path.join('.');
  throw flowSourceError(`flow source: ${path}: allowed: ${issue?.message ?? 'a flow source'}`);
}

/** The sources that exist before anybody configured one. */
export function defaultFlowSources(): FlowSource[] {
  return [
    createFlowSource({ name: 'default_Netflow', monitoringPort: NETFLOW_PORT_DEFAULT }),
    createFlowSource({ name: 'default_IPFIX', monitoringPort: IPFIX_PORT_DEFAULT }),
  ];
}

/** The limits of a source's connections, as configured or as they are by default. */
export function connectionLimits(source: FlowSource): ConnectionLimits {
  return source.connections ?? connectionsSchema.parse({});
}

/** The source that `--listen` asks for: it accepts every version and is named by its socket. */
export function flowSourceOfListen(listen: ListenAddress, tls?: TlsSettings): FlowSource {
  const { transport } = listen;
  const name = `${transport}/${formatSocketAddress(listen)}`;
  // Port 0 is for tests and for people who read the port from the log: the schema allows it to nobody else.
  const source = createFlowSource({
    name,
    monitoringAddress: listen.address,
    monitoringPort: listen.port === 0 ? IPFIX_PORT_DEFAULT : listen.port,
    transport,
    ...(transport === 'tls' && tls !== undefined ? { tls } : {}),
  });
  return { ...source, monitoringPort: listen.port };
}

/**
 * The lowest port from the type's usual one upwards on which no source monitors yet: what a new source
 * proposes. undefined when all are taken.
 */
export function nextMonitoringPort(sources: readonly FlowSource[], type: FlowSourceType): number | undefined {
  const listening = sources.filter(({ sourceFilePath }) => sourceFilePath === undefined);
  const taken = new Set(listening.map((source) => source.monitoringPort));
  const first = type === 'IPFIX' ? IPFIX_PORT_DEFAULT : NETFLOW_PORT_DEFAULT;
  for (let candidate = first; candidate <= PORT_MAX; candidate += 1) {
    if (!taken.has(candidate)) return candidate;
  }
  return undefined;
}

export function flowSourceError(message: string): UserError {
  return new UserError('flow_source_invalid', message, EXIT_USAGE);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wholeNumber(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return z.int({ error: allowed }).min(min, allowed).max(max, allowed);
}

/** Says which keys an object may have when it has one too many; else what the object must be. */
function objectError(allowed: string): { error: (issue: { code?: string }) => string | undefined } {
  return { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : allowed) };
}
