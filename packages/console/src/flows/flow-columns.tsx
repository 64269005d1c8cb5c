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

/** True for packets that a policy dropped, however the exporter said so; the filter word `dropped` means the same. */
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
const FIGURE = 'figures w-0 whitespace-nowrap text-right';

/** The columns of the table of records; those that a narrow screen has no room for leave first. */
export const FLOW_COLUMNS: readonly DataColumn<FlowRecord>[] = [
  { id: 'when', header: 'Ended', className: `w-0 pl-3.5! ${NARROW}`, cell: (flow) => <When flow={flow} /> },
  { id: 'who', header: 'From, to', className: NARROW, cell: (flow) => <Who flow={flow} /> },
  {
    id: 'howMuch',
    header: 'Octets',
    className: `${FIGURE} pr-3.5! ${NARROW}`,
    cell: (flow) => <HowMuch flow={flow} />,
  },
  { id: 'time', header: 'Ended', className: `w-0 pl-3.5! ${WIDE}`, cell: (flow) => <Ended flow={flow} /> },
  { id: 'protocol', header: 'Protocol', className: `w-0 ${WIDE}`, cell: (flow) => <Protocol flow={flow} /> },
  { id: 'source', header: 'Source', className: WIDE, cell: (flow) => <Endpoint flow={flow} side="src" /> },
  {
    id: 'destination',
    header: 'Destination',
    className: WIDE,
    cell: (flow) => <Endpoint flow={flow} side="dst" />,
  },
  { id: 'service', header: 'Service', className: `w-0 ${WIDER}`, cell: (flow) => <Service flow={flow} /> },
  { id: 'octets', header: 'Octets', className: `${FIGURE} ${WIDE}`, cell: (flow) => octetsOf(flow) },
  { id: 'packets', header: 'Packets', className: `${FIGURE} ${WIDE}`, cell: (flow) => packetsOf(flow) },
  {
    id: 'duration',
    header: 'Duration',
    className: `${FIGURE} ${WIDE}`,
    cell: (flow) => <Duration flow={flow} />,
  },
  { id: 'flags', header: 'Flags', className: `w-0 ${WIDER}`, cell: (flow) => <Flags flow={flow} /> },
  {
    id: 'direction',
    header: 'Direction',
    className: `w-0 ${WIDER}`,
    cell: (flow) => <Direction flow={flow} />,
  },
  {
    id: 'exporter',
    header: 'Exporter',
    className: `w-0 pr-3.5! ${WIDEST}`,
    cell: (flow) => <Exporter flow={flow} />,
  },
];

const octetsOf = (flow: FlowRecord): string => formatOctets(numberOf(flow, 'octets') ?? 0);
const packetsOf = (flow: FlowRecord): string => formatCount(numberOf(flow, 'packets') ?? 0);
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
      <span className="hidden @3xl:inline">{isDropped(flow) && <DroppedBadge />}</span>
    </span>
  );
}

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

/** Protocols without ports are exported with port 0. */
function portOf(flow: FlowRecord, side: 'src' | 'dst'): DimensionValue {
  const port = flow[`${side}Port`] ?? null;
  return port === 0 ? null : port;
}

/** What usually runs on the port that has a name, the destination's first. */
function Service({ flow }: { flow: FlowRecord }) {
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

function Direction({ flow }: { flow: FlowRecord }) {
  const direction = flow['direction'] ?? null;
  if (direction === null) return ABSENT;
  return (
    <Value dimension="direction" value={direction} className="whitespace-nowrap">
      <span aria-hidden="true" className="mr-1 text-ink-faint">
        {direction === 1 ? '↗' : '↙'}
      </span>
      {displayValue('direction', direction).text}
    </Value>
  );
}

function Exporter({ flow }: { flow: FlowRecord }) {
  return (
    <Value dimension="exporter" value={flow['exporter'] ?? null} className="wire block max-w-40 truncate" />
  );
}
