import type { ComponentType } from 'react';
import type { DimensionValue, FlowRecord } from '../api/contract.ts';
import { formatCount, formatOctets } from '../format/quantity.ts';
import { formatDateTime, formatDuration, formatTimeOfDay } from '../format/time.ts';
import type { DataColumn } from '../widgets/data-table.tsx';
import { displayValue, protocolColour } from './dimension.ts';
import { serviceName } from './service-name.ts';
import { tcpFlagNames } from './tcp-flags.ts';
import { Value } from './value.tsx';

const FORWARDING_DROPPED = 2; // RFC 7270: the status in the top two bits
const FIREWALL_DENIED = 3; // firewallEvent, IANA
const TCP = 6;

/** A numeric field of a record, or undefined where the exporter did not send it. */
function numberOf(flow: FlowRecord, name: string): number | undefined {
  const value = flow[name];
  return typeof value === 'number' ? value : undefined;
}

/** A time of a record in ms since the epoch, or undefined. */
function timeOf(flow: FlowRecord, name: string): number | undefined {
  const value = flow[name];
  const timeMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/**
 * True for packets that a policy dropped, however the exporter said so; the filter word `dropped` means the
 * same.
 */
export function isDropped(flow: FlowRecord): boolean {
  const status = numberOf(flow, 'forwardingStatus');
  const state = status === undefined ? undefined : status >> 6;
  return state === FORWARDING_DROPPED || numberOf(flow, 'firewallEvent') === FIREWALL_DENIED;
}

// On a narrow screen a record takes two lines of three columns; a wide one has a column for each field.
const WIDE = 'hidden @3xl:table-cell';
const WIDER = 'hidden @4xl:table-cell';
const WIDEST = 'hidden @5xl:table-cell';
const NARROW = '@3xl:hidden';
const FIGURE = 'figures whitespace-nowrap text-right';

interface FlowColumn {
  id: string;
  header: string;
  className: string;
  Cell: ComponentType<{ flow: FlowRecord }>;
}

// Widths are given, so that columns stand still when other values come.
const COLUMNS: readonly FlowColumn[] = [
  { id: 'when', header: 'Ended', className: `w-0 pl-3.5! ${NARROW}`, Cell: When },
  { id: 'who', header: 'From, to', className: NARROW, Cell: Who },
  { id: 'howMuch', header: 'Octets', className: `w-0 pr-3.5! ${FIGURE} ${NARROW}`, Cell: HowMuch },
  { id: 'time', header: 'Ended', className: `w-[5.1rem] pl-3.5! ${WIDE}`, Cell: Ended },
  { id: 'protocol', header: 'Protocol', className: `w-[4.6rem] ${WIDE}`, Cell: Protocol },
  { id: 'source', header: 'Source', className: WIDE, Cell: Source },
  { id: 'destination', header: 'Destination', className: WIDE, Cell: Destination },
  { id: 'service', header: 'Service', className: `w-[4.7rem] ${WIDER}`, Cell: Service },
  { id: 'octets', header: 'Octets', className: `w-[4.6rem] ${FIGURE} ${WIDE}`, Cell: Octets },
  { id: 'packets', header: 'Packets', className: `w-[4rem] ${FIGURE} ${WIDE}`, Cell: Packets },
  { id: 'duration', header: 'Duration', className: `w-[4.8rem] ${FIGURE} ${WIDE}`, Cell: Duration },
  { id: 'flags', header: 'Flags', className: `w-[4.7rem] ${WIDER}`, Cell: Flags },
  { id: 'direction', header: 'Direction', className: `w-[5.3rem] ${WIDE}`, Cell: Direction },
  { id: 'exporter', header: 'Exporter', className: `w-[7rem] pr-3.5! ${WIDEST}`, Cell: Exporter },
];

/** The columns of the table of records; those that a narrow screen has no room for leave first. */
export const FLOW_COLUMNS: readonly DataColumn<FlowRecord>[] = COLUMNS.map(
  ({ id, header, className, Cell }) => ({
    id,
    header,
    className,
    cell: (flow) => <Cell flow={flow} />,
  }),
);

const octetsOf = (flow: FlowRecord): string => formatOctets(numberOf(flow, 'octets') ?? 0);
const packetsOf = (flow: FlowRecord): string => formatCount(numberOf(flow, 'packets') ?? 0);
function Octets({ flow }: { flow: FlowRecord }) {
  return octetsOf(flow);
}

function Packets({ flow }: { flow: FlowRecord }) {
  return packetsOf(flow);
}

function Source({ flow }: { flow: FlowRecord }) {
  return <Endpoint flow={flow} side="src" />;
}

function Destination({ flow }: { flow: FlowRecord }) {
  return <Endpoint flow={flow} side="dst" />;
}

const ABSENT = <span className="text-ink-faint">–</span>;

function When({ flow }: { flow: FlowRecord }) {
  return (
    <>
      <Ended flow={flow} />
      <Protocol flow={flow} />
    </>
  );
}

function Who({ flow }: { flow: FlowRecord }) {
  return (
    <>
      <Endpoint flow={flow} side="src" />
      <span className="flex gap-1">
        <span aria-hidden="true" className="text-ink-faint">
          →
        </span>
        <Endpoint flow={flow} side="dst" />
      </span>
      {isDropped(flow) && <DroppedBadge />}
    </>
  );
}

function HowMuch({ flow }: { flow: FlowRecord }) {
  return (
    <>
      <div>{octetsOf(flow)}</div>
      <div className="text-ink-faint text-xs">{packetsOf(flow)} pkt</div>
    </>
  );
}

function Ended({ flow }: { flow: FlowRecord }) {
  const end = timeOf(flow, 'flowEnd') ?? timeOf(flow, 'receivedAt');
  if (end === undefined) return ABSENT;
  return (
    <time
      dateTime={new Date(end).toISOString()}
      title={formatDateTime(end)}
      className="wire whitespace-nowrap text-ink-soft"
    >
      {formatTimeOfDay(end)}
    </time>
  );
}

function Protocol({ flow }: { flow: FlowRecord }) {
  const protocol = flow['protocol'] ?? null;
  return (
    <span className="flex items-center gap-1.5 whitespace-nowrap">
      <span
        aria-hidden="true"
        className="size-2 shrink-0 rounded-[2px]"
        style={{ background: `var(${protocolColour(protocol)})` }}
      />
      <Value dimension="protocol" value={protocol} />
    </span>
  );
}

/** ICMP and ICMPv6. */
const WITHOUT_PORTS: ReadonlySet<number> = new Set([1, 58]);

function DroppedBadge() {
  return (
    <span className="rounded-sm border border-drop px-1 font-semibold text-[0.6875rem] text-drop leading-4">
      dropped
    </span>
  );
}

function Endpoint({ flow, side }: { flow: FlowRecord; side: 'src' | 'dst' }) {
  const address = flow[`${side}Addr`] ?? null;
  const port = portOf(flow, side);
  const isV6 = typeof address === 'string' && address.includes(':');
  return (
    <span className={isV6 ? 'wire text-[0.7rem]' : 'wire whitespace-nowrap'}>
      <Value dimension={`${side}Addr`} value={address}>
        {isV6 && port !== null ? `[${address}]` : String(address)}
      </Value>
      {port !== null && (
        <span className="whitespace-nowrap text-ink-soft">
          :
          <Value dimension={`${side}Port`} value={port}>
            {port}
          </Value>
        </span>
      )}
    </span>
  );
}

/** Protocols without ports are exported with port 0; ICMP's "port" is a type and a code, and no port. */
function portOf(flow: FlowRecord, side: 'src' | 'dst'): DimensionValue {
  if (WITHOUT_PORTS.has(numberOf(flow, 'protocol') ?? 0)) return null;
  const port = flow[`${side}Port`] ?? null;
  return port === 0 ? null : port;
}

/** What usually runs on the port that has a name, the destination's first. */
function Service({ flow }: { flow: FlowRecord }) {
  if (WITHOUT_PORTS.has(numberOf(flow, 'protocol') ?? 0)) return ABSENT;
  for (const dimension of ['dstPort', 'srcPort'] as const) {
    const port = numberOf(flow, dimension);
    const name = port === undefined ? undefined : serviceName(port);
    if (name !== undefined && port !== undefined) {
      return (
        <Value
          dimension={dimension}
          value={port}
          about={`${name}, by port ${port}`}
          className="whitespace-nowrap"
        >
          {name}
        </Value>
      );
    }
  }
  return ABSENT;
}

function Duration({ flow }: { flow: FlowRecord }) {
  const start = timeOf(flow, 'flowStart');
  const end = timeOf(flow, 'flowEnd');
  if (start === undefined || end === undefined) return ABSENT;
  return <span title={`Started ${formatDateTime(start)}`}>{formatDuration(end - start)}</span>;
}

function Flags({ flow }: { flow: FlowRecord }) {
  const bits = numberOf(flow, 'tcpFlags');
  if (bits === undefined || numberOf(flow, 'protocol') !== TCP) return ABSENT;
  return (
    <span className="wire whitespace-nowrap text-ink-soft" title={tcpFlagNames(bits)}>
      <span aria-hidden="true">{displayValue('tcpFlags', bits).text}</span>
      <span className="sr-only">{tcpFlagNames(bits)}</span>
    </span>
  );
}

/** Where the flow was seen; of dropped packets, that they went no further. */
function Direction({ flow }: { flow: FlowRecord }) {
  const direction = flow['direction'] ?? null;
  const dropped = isDropped(flow);
  if (direction === null) return dropped ? <DroppedBadge /> : ABSENT;
  const { text } = displayValue('direction', direction);
  return (
    <Value
      dimension="direction"
      value={direction}
      about={dropped ? `${text}, dropped` : text}
      className="whitespace-nowrap"
    >
      <span aria-hidden="true" className="mr-1 text-ink-faint">
        {direction === 1 ? '↗' : '↙'}
      </span>
      {dropped ? <DroppedBadge /> : text}
    </Value>
  );
}

function Exporter({ flow }: { flow: FlowRecord }) {
  return (
    <Value dimension="exporter" value={flow['exporter'] ?? null} className="wire block max-w-40 truncate" />
  );
}
