import { protocolName } from '@weir/analysis';
import { Link } from 'wouter';
import { Value } from '../flows/value.tsx';
import { formatCount, formatOctets } from '../format/quantity.ts';
import { formatMoment } from '../format/time.ts';
import { pageAddress } from '../use-view-state.ts';
import type { SharedView } from '../view-state.ts';
import { ScrollRegion } from '../widgets/scroll-region.tsx';
import type { EvidencePair, EvidenceResponse } from './policy-contract.ts';

const DIRECTION_WORDS: Readonly<Record<string, string>> = {
  sessionMark: 'the session says who began',
  openingPacket: 'the opening packet says who began',
  servicePort: 'the port of the service says who began',
  lowerPort: 'who began is a guess by the lower port',
  arrival: 'who began is a guess by who was heard first',
};

interface EvidenceTableProps {
  evidence: EvidenceResponse;
  view: SharedView;
  fromMs: number;
  toMs: number;
}

/** Who is behind a cell: the pairs with most packets, each a click away from its flows. */
export function EvidenceTable({ evidence, view, fromMs, toMs }: EvidenceTableProps) {
  const { pairs, pairCount, sources, destinations, filter, exact } = evidence;
  const flowsAt = (pairFilter: string) =>
    pageAddress('/flows', {
      ...view,
      range: { kind: 'fixed', from: fromMs, to: toMs },
      filter: joined(view.filter, pairFilter),
    });
  return (
    <div>
      <p className="flex flex-wrap items-baseline gap-x-3 gap-y-1 px-3.5 py-2 text-ink-soft text-xs">
        <span>
          {formatCount(sources)} sources, {formatCount(destinations)} destinations, {formatCount(pairCount)}{' '}
          pairs
          {pairCount > pairs.length && `: the ${pairs.length} with most packets`}
        </span>
        <Link href={flowsAt(filter)} className="font-semibold text-accent hover:underline">
          {exact ? 'Open these flows' : 'Open flows that hold these'}
        </Link>
      </p>
      <ScrollRegion label="Pairs behind the cell">
        <table className="w-full text-left text-[0.8125rem]" aria-label="Pairs">
          <thead className="text-ink-faint text-xs">
            <tr>
              {['From', 'To', 'Service', 'Passed', 'Dropped', 'Last', ''].map((title) => (
                <th
                  key={title}
                  scope="col"
                  className="whitespace-nowrap border-line border-b px-3 py-1.5 font-medium"
                >
                  {title === '' ? <span className="sr-only">Flows</span> : title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {pairs.map((pair) => (
              <PairRow key={pair.filter} pair={pair} address={flowsAt(pair.filter)} />
            ))}
          </tbody>
        </table>
      </ScrollRegion>
    </div>
  );
}

const joined = (own: string, more: string) => (own === '' ? more : `(${own}) and (${more})`);

function PairRow({ pair, address }: { pair: EvidencePair; address: string }) {
  const { forwarded, dropped, rule, rules } = pair;
  const last = Math.max(forwarded.last ?? 0, dropped.last ?? 0);
  const guess = pair.direction === 'lowerPort' || pair.direction === 'arrival';
  return (
    <tr className="border-line border-b last:border-b-0 hover:bg-hover">
      <td className="px-3 py-1 align-top">
        <End address={pair.fromAddr} name={pair.fromName} dimension="srcAddr" />
      </td>
      <td className="px-3 py-1 align-top">
        <End address={pair.toAddr} name={pair.toName} dimension="dstAddr" />
      </td>
      <td className="whitespace-nowrap px-3 py-1 align-top" title={DIRECTION_WORDS[pair.direction]}>
        {serviceText(pair)}
        {guess && <span className="ml-1 text-warn text-xs">direction unsure</span>}
      </td>
      <td className="figures whitespace-nowrap px-3 py-1 align-top">
        {forwarded.connections === 0
          ? '–'
          : `${formatCount(forwarded.connections)} · ${formatOctets(forwarded.octets)}`}
        {forwarded.connections > 0 && (
          <span className="block text-ink-faint text-xs">
            {forwarded.answered === 0 ? 'not answered' : `${formatCount(forwarded.answered)} answered`}
          </span>
        )}
      </td>
      <td className="figures px-3 py-1 align-top">
        {dropped.connections === 0 ? '–' : `${formatCount(dropped.packets)} packets`}
        {rule !== null && (
          <span className="block text-drop text-xs [overflow-wrap:anywhere]">
            {rule}
            {rules > 1 && ` and ${rules - 1} more`}
          </span>
        )}
      </td>
      <td className="figures whitespace-nowrap px-3 py-1 align-top">
        {last === 0 ? '–' : formatMoment(last, Date.now())}
      </td>
      <td className="px-3 py-1 align-top">
        <Link
          href={address}
          aria-label={`Flows of ${pair.fromAddr} and ${pair.toAddr} ${serviceText(pair)}`}
          className="text-accent hover:underline"
        >
          flows
        </Link>
      </td>
    </tr>
  );
}

function End({ address, name, dimension }: { address: string; name: string | null; dimension: string }) {
  return (
    <>
      <Value dimension={dimension} value={address} className="wire whitespace-nowrap" />
      {name !== null && <span className="block text-ink-faint text-xs [overflow-wrap:anywhere]">{name}</span>}
    </>
  );
}

const ICMP = [1, 58];

function serviceText({ protocol, value }: EvidencePair): string {
  const name = protocolName(protocol);
  if (ICMP.includes(protocol)) return `${name} type ${value >> 8}`;
  return value === 0 ? name : `${name}/${value}`;
}
