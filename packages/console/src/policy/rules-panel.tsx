import type { PolicyMatrix, RuleLine, SeenSums } from '@weir/analysis';
import { useApi } from '../api/use-api.ts';
import { Value } from '../flows/value.tsx';
import { formatCount, formatOctets } from '../format/quantity.ts';
import { formatMoment } from '../format/time.ts';
import { type DataColumn, DataTable } from '../widgets/data-table.tsx';
import { Panel } from '../widgets/panel.tsx';
import { ScrollRegion } from '../widgets/scroll-region.tsx';
import type { DroppedSource } from './policy-contract.ts';

/** Rules of the policy and of the firewall: what each decided, and which decide nothing. */
export function RulesPanels({
  matrix,
  question,
}: {
  matrix: PolicyMatrix;
  question: Readonly<Record<string, string | number>>;
}) {
  const drops = useApi<{ sources: DroppedSource[] }>(['policy/drops', question]);
  const never = matrix.rules.filter(({ neverHit }) => neverHit).length;
  return (
    <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-2">
      <Panel
        title="Rules of the policy"
        note={never === 0 ? `${matrix.rules.length}` : `${matrix.rules.length}, ${never} never hit`}
      >
        <ScrollRegion className="max-h-[28rem] px-2" label="Rules of the policy">
          <DataTable
            label="Rules of the policy"
            columns={RULE_COLUMNS}
            rows={[...matrix.rules]}
            rowIds={matrix.rules.map(({ name }) => name)}
          />
        </ScrollRegion>
        <p className="figures border-line border-t px-3.5 py-2 text-ink-soft text-xs">
          No rule matched {counted(matrix.byDefault.forwarded)} that passed and{' '}
          {counted(matrix.byDefault.dropped)} that were dropped: the policy's default decides.
        </p>
      </Panel>
      <div className="min-w-0 space-y-3">
        <Panel title="Rules of the firewall" note="as drop records name them">
          <FirewallRules matrix={matrix} />
        </Panel>
        <Panel title="Most dropped sources" note="by rule">
          {drops.data === undefined || drops.data.sources.length === 0 ? (
            <p className="px-3.5 py-3 text-ink-soft">
              {drops.data === undefined ? 'Asking…' : 'No exporter told of a drop in this time.'}
            </p>
          ) : (
            <ScrollRegion className="max-h-[28rem] px-2" label="Most dropped sources">
              <DataTable
                label="Most dropped sources"
                columns={SOURCE_COLUMNS}
                rows={drops.data.sources.slice(0, SOURCES_SHOWN)}
                rowIds={drops.data.sources.map(({ rule, srcAddr }) => `${rule} ${srcAddr}`)}
              />
            </ScrollRegion>
          )}
        </Panel>
      </div>
    </div>
  );
}

const SOURCES_SHOWN = 30;

const counted = ({ connections }: SeenSums) => `${formatCount(connections)} connections`;
const figure = ({ connections }: SeenSums) => (connections === 0 ? '–' : formatCount(connections));
const lastOf = ({ forwarded, dropped }: RuleLine) => Math.max(forwarded.last ?? 0, dropped.last ?? 0);

const RULE_COLUMNS: readonly DataColumn<RuleLine>[] = [
  {
    id: 'name',
    header: 'Rule',
    cell: ({ name, expected }) => (
      <span className="[overflow-wrap:anywhere]">
        {name}
        {expected && <span className="ml-1.5 text-ink-faint text-xs">must be seen</span>}
      </span>
    ),
  },
  { id: 'action', header: 'Action', cell: ({ action }) => action },
  {
    id: 'passed',
    header: 'Passed',
    className: 'text-right figures',
    cell: ({ forwarded }) => figure(forwarded),
  },
  {
    id: 'dropped',
    header: 'Dropped',
    className: 'text-right figures',
    cell: ({ dropped }) => figure(dropped),
  },
  {
    id: 'last',
    header: 'Last',
    className: 'figures whitespace-nowrap',
    cell: (rule) =>
      rule.neverHit ? <span className="text-warn">○ never hit</span> : formatMoment(lastOf(rule), Date.now()),
  },
];

const SOURCE_COLUMNS: readonly DataColumn<DroppedSource>[] = [
  {
    id: 'rule',
    header: 'Rule',
    cell: ({ rule }) => (rule === '' ? <i>no name</i> : <Value dimension="rule" value={rule} />),
  },
  {
    id: 'source',
    header: 'Source',
    cell: ({ srcAddr, name }) => (
      <>
        <Value dimension="srcAddr" value={srcAddr} className="wire" />
        {name !== null && <span className="ml-1 text-ink-faint text-xs">{name}</span>}
      </>
    ),
  },
  {
    id: 'packets',
    header: 'Packets',
    className: 'text-right figures',
    cell: ({ packets }) => formatCount(packets),
  },
  {
    id: 'octets',
    header: 'Octets',
    className: 'text-right figures',
    cell: ({ octets }) => formatOctets(octets),
  },
  {
    id: 'to',
    header: 'To hosts',
    className: 'text-right figures',
    cell: ({ destinations }) => formatCount(destinations),
  },
];

function FirewallRules({ matrix }: { matrix: PolicyMatrix }) {
  if (matrix.firewall.length + matrix.firewallNeverHit.length === 0)
    return <p className="px-3.5 py-3 text-ink-soft">No exporter told of a drop in this time.</p>;
  return (
    <ul aria-label="Rules of the firewall" className="divide-y divide-line">
      {matrix.firewall.map(({ name, dropped, droppedAllowed }) => (
        <li key={name} className="flex flex-wrap items-baseline gap-x-3 px-3.5 py-1.5 text-[0.8125rem]">
          {name === '' ? <i>no name</i> : <Value dimension="rule" value={name} />}
          <span className="figures ml-auto text-ink-soft text-xs">
            {counted(dropped)}, {formatCount(dropped.packets)} packets
          </span>
          {droppedAllowed.connections > 0 && (
            <span className="w-full text-warn text-xs">
              ? {counted(droppedAllowed)} of these the policy allows
            </span>
          )}
        </li>
      ))}
      {matrix.firewallNeverHit.map((name) => (
        <li key={`never ${name}`} className="px-3.5 py-1.5 text-[0.8125rem]">
          {name} <span className="text-warn text-xs">○ dropped nothing</span>
        </li>
      ))}
    </ul>
  );
}
