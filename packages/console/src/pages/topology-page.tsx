import { useMemo, useRef } from 'react';
import type { QueryResponse, StatusResponse } from '../api/contract.ts';
import { useApi, useEvery, useReportAsking } from '../api/use-api.ts';
import { previousBounds } from '../explore/series-figures.ts';
import { displayValue } from '../flows/dimension.ts';
import { checkFilter } from '../flows/filter-check.ts';
import { withTerm } from '../flows/filter-text.ts';
import { Value } from '../flows/value.tsx';
import { useValueActions } from '../flows/value-actions.ts';
import { formatCount, formatOctets } from '../format/quantity.ts';
import { rangeInWords } from '../format/time-words.ts';
import {
  type ConversationGraph,
  conversationGraph,
  type GraphLink,
  type GraphNode,
  goneCount,
} from '../topology/conversation-graph.ts';
import { layoutOf, NARROW, type Place, radiusOf, WIDE } from '../topology/graph-layout.ts';
import { LEVEL_NAMES, LEVELS, TOPOLOGY_VIEW, type TopologyView } from '../topology/topology-view.ts';
import { useViewState } from '../use-view-state.ts';
import type { SharedView } from '../view-state.ts';
import { Switch } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { QueryText } from '../widgets/query-text.tsx';
import { Pick } from '../widgets/segmented.tsx';
import { EmptyState } from './empty-state.tsx';
import { ProblemNote } from './problem-note.tsx';

const PAIRS = 90;
const DROPPED_PAIRS = 40;
/** To tell what is new, many more pairs of the period before have to be known than are shown. */
const PAIRS_BEFORE = 5000;
const EVERY_MS = 15_000;
const LEVEL_OPTIONS = LEVEL_NAMES.map((value) => ({ value, text: LEVELS[value].title }));

/** Who talks to whom, what was dropped between them, and what is new. */
export function TopologyPage() {
  const [view, change] = useViewState(TOPOLOGY_VIEW);
  const mistake = checkFilter(view.filter);
  const { traffic, drops, before, problem } = useTopologyData(view, mistake === undefined);
  const status = useApi<StatusResponse>(['status', {}]);
  const graph = useMemo(
    () => (traffic === undefined ? undefined : conversationGraph({ traffic, drops, before })),
    [traffic, drops, before],
  );
  const gone = graph === undefined || before === undefined ? 0 : goneCount(graph, before);
  const news = graph?.links.filter(({ isNew }) => isNew).length ?? 0;
  const dropping = graph?.links.filter(({ droppedPackets }) => droppedPackets > 0).length ?? 0;
  const nothing = graph?.links.length === 0;
  const [from] = LEVELS[view.level].dimensions;
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {problem !== undefined && <ProblemNote problem={problem} />}
      <Panel
        title="Who talks to whom"
        note={
          graph === undefined ? 'asking…' : `${graph.nodes.length} ${LEVELS[view.level].title.toLowerCase()}`
        }
        controls={
          <>
            <Switch label="What is new" on={view.news} onChange={(on) => change({ news: on })} />
            <QueryText sql={traffic?.sql} />
            <Pick
              label="What a node stands for"
              options={LEVEL_OPTIONS}
              value={view.level}
              onChange={(level) => change({ level })}
            />
          </>
        }
      >
        {nothing || mistake !== undefined ? (
          <NothingToDraw
            view={view}
            mistake={mistake?.message}
            traffic={traffic}
            status={status.data}
            clear={() => change({ filter: '' })}
          />
        ) : (
          graph !== undefined && (
            <>
              <Graph graph={graph} dimension={from} />
              <p className="figures flex flex-wrap gap-x-4 gap-y-1 border-line border-t px-3.5 py-2 text-ink-soft text-xs">
                <Sample className="bg-accent" text="traffic, as wide as it is much" />
                {dropping > 0 && <Sample className="bg-drop" text={`dropped packets, ${dropping} pairs`} />}
                {view.news && (
                  <Sample
                    className="bg-good"
                    text={`new, ${news} pairs; ${gone} of the period before are gone`}
                  />
                )}
              </p>
            </>
          )
        )}
      </Panel>
      {graph !== undefined && !nothing && mistake === undefined && <Pairs graph={graph} view={view} />}
    </div>
  );
}

function Sample({ className, text }: { className: string; text: string }) {
  return (
    <span className="flex items-center gap-1.5">
      <span aria-hidden="true" className={`h-1 w-5 rounded-full ${className}`} />
      {text}
    </span>
  );
}

interface TopologyData {
  traffic: QueryResponse | undefined;
  drops: QueryResponse | undefined;
  before: QueryResponse | undefined;
  problem: Error | undefined;
}

function useTopologyData(view: SharedView & TopologyView, readable: boolean): TopologyData {
  const { range, filter } = view;
  const time = range.kind === 'last' ? { last: range.last } : { from: range.from, to: range.to };
  const by = LEVELS[view.level].dimensions.join(',');
  const everyMs = useEvery(EVERY_MS, range.kind === 'last');
  const options = { everyMs, enabled: readable };
  const traffic = useApi<QueryResponse>(
    ['query', { ...time, filter, by, top: PAIRS, orderBy: 'octets' }],
    options,
  );
  const drops = useApi<QueryResponse>(
    ['query', { ...time, filter: withTerm(filter, 'dropped'), by, top: DROPPED_PAIRS, orderBy: 'packets' }],
    options,
  );
  const bounds = previousBounds(traffic.data ?? { from: 1, to: 2 });
  const before = useApi<QueryResponse>(
    ['query', { ...bounds, filter, by, top: PAIRS_BEFORE, orderBy: 'octets' }],
    { enabled: readable && view.news && traffic.data !== undefined },
  );
  const failed = [traffic, drops, before].find(({ error }) => error !== null);
  useReportAsking(readable ? everyMs : false, failed !== undefined);
  return {
    traffic: traffic.data,
    drops: drops.data,
    before: view.news ? before.data : undefined,
    problem: failed?.error ?? undefined,
  };
}

interface NothingProps {
  view: SharedView & TopologyView;
  mistake: string | undefined;
  traffic: QueryResponse | undefined;
  status: StatusResponse | undefined;
  clear: () => void;
}

/** No flow at all, or flows without the names that the nodes would have. */
function NothingToDraw({ view, mistake, traffic, status, clear }: NothingProps) {
  const nameless = mistake === undefined && (traffic?.rows.length ?? 0) > 0;
  if (!nameless) {
    return (
      <EmptyState
        span={rangeInWords(view.range, Date.now())}
        filter={view.filter}
        mistake={mistake}
        status={status}
        onClearFilter={clear}
      />
    );
  }
  const { title } = LEVELS[view.level];
  return (
    <div className="space-y-2 px-4 py-8 text-ink-soft" data-testid="empty-state">
      <p className="font-semibold text-base text-ink">
        The flows {rangeInWords(view.range, Date.now())} have no {title.toLowerCase()}.
      </p>
      <p>
        There are {formatCount(traffic?.total.flows ?? 0)} of them. The collector adds such names when they
        are configured or learned; addresses are always there.
      </p>
    </div>
  );
}

const SIZE = window.innerWidth < 640 ? NARROW : WIDE;
/** Labels beyond these would lie over one another. */
const LABELS = 28;

function Graph({ graph, dimension }: { graph: ConversationGraph; dimension: string }) {
  const { openMenu } = useValueActions();
  const previous = useRef<ReadonlyMap<string, Place>>(new Map());
  const places = useMemo(() => {
    const next = layoutOf(graph, previous.current, SIZE);
    previous.current = next;
    return next;
  }, [graph]);
  const largest = Math.max(1, ...graph.nodes.map(({ octets }) => octets));
  const widest = Math.max(1, ...graph.links.map(({ octets }) => octets));
  const labelled = new Set(
    graph.nodes
      .toSorted((one, other) => other.octets + other.droppedPackets - one.octets - one.droppedPackets)
      .slice(0, LABELS)
      .map(({ id }) => id),
  );
  return (
    <svg
      viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
      role="img"
      aria-label={`${graph.nodes.length} nodes and ${graph.links.length} pairs that talk to each other. The table below has the figures.`}
      className="max-h-[70dvh] w-full"
    >
      <g fill="none">
        {graph.links.map((link) => (
          <LinkLine key={link.id} link={link} places={places} widest={widest} />
        ))}
      </g>
      {graph.nodes.map((node) => {
        const place = places.get(node.id);
        if (place === undefined) return null;
        return (
          // biome-ignore lint/a11y/noStaticElementInteractions: the list beside it has the same values as buttons.
          <g
            key={node.id}
            transform={`translate(${place.x.toFixed(1)} ${place.y.toFixed(1)})`}
            className="cursor-pointer"
            onClick={(event) => openMenu(dimension, node.value, { x: event.clientX, y: event.clientY })}
          >
            <NodeMark
              node={node}
              dimension={dimension}
              radius={radiusOf(node, largest)}
              labelled={labelled.has(node.id)}
            />
          </g>
        );
      })}
    </svg>
  );
}

interface LinkLineProps {
  link: GraphLink;
  places: ReadonlyMap<string, Place>;
  widest: number;
}

function LinkLine({ link, places, widest }: LinkLineProps) {
  const from = places.get(link.source);
  const to = places.get(link.target);
  if (from === undefined || to === undefined) return null;
  const path = `M${from.x.toFixed(1)} ${from.y.toFixed(1)}L${to.x.toFixed(1)} ${to.y.toFixed(1)}`;
  const width = 0.8 + 7 * Math.sqrt(link.octets / widest);
  return (
    <>
      {link.octets > 0 && (
        <path
          d={path}
          stroke={link.isNew ? 'var(--good)' : 'var(--accent)'}
          strokeWidth={width}
          opacity="0.45"
        />
      )}
      {link.droppedPackets > 0 && (
        <path d={path} stroke="var(--drop)" strokeWidth="2" strokeDasharray="5 4" />
      )}
    </>
  );
}

interface NodeMarkProps {
  node: GraphNode;
  dimension: string;
  radius: number;
  labelled: boolean;
}

function NodeMark({ node, dimension, radius, labelled }: NodeMarkProps) {
  const { text } = displayValue(dimension, node.value);
  const dropped = node.droppedPackets > 0 ? `, ${formatCount(node.droppedPackets)} packets dropped` : '';
  return (
    <>
      <title>{`${text}: ${formatOctets(node.octets)}${dropped}`}</title>
      <circle
        r={radius}
        fill={node.isNew ? 'var(--good)' : 'var(--accent)'}
        stroke={node.droppedPackets > 0 ? 'var(--drop)' : 'var(--surface)'}
        strokeWidth={node.droppedPackets > 0 ? 3 : 1.5}
      />
      {labelled && (
        <text
          y={radius + 12}
          textAnchor="middle"
          className="fill-ink text-[11px]"
          stroke="var(--surface)"
          strokeWidth="3"
          paintOrder="stroke"
        >
          {text}
        </text>
      )}
    </>
  );
}

const CELL = 'px-2 py-1.5';
const FIGURE = `figures whitespace-nowrap text-right ${CELL}`;

function Pairs({ graph, view }: { graph: ConversationGraph; view: TopologyView }) {
  const [from, to] = LEVELS[view.level].dimensions;
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  return (
    <Panel title="Pairs" note={String(graph.links.length)}>
      <div className="relative overflow-x-auto">
        <table aria-label="Pairs" className="w-full border-collapse text-left text-[0.8125rem]">
          <thead className="text-ink-faint text-xs">
            <tr className="border-line border-b">
              <th scope="col" className={`pl-3.5 font-medium ${CELL}`}>
                One side
              </th>
              <th scope="col" className={`font-medium ${CELL}`}>
                Other side
              </th>
              {['Octets', 'Packets', 'Dropped'].map((title) => (
                <th key={title} scope="col" className={`font-medium ${FIGURE}`}>
                  {title}
                </th>
              ))}
              <th scope="col" className={CELL}>
                <span className="sr-only">Whether it is new</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {graph.links.map((link) => (
              <tr
                key={link.id}
                className={`border-line border-b last:border-b-0 ${link.droppedPackets > 0 ? 'bg-drop-soft' : 'hover:bg-hover'}`}
              >
                <td className={`pl-3.5 ${CELL}`}>
                  <Value
                    dimension={from}
                    value={nodes.get(link.source)?.value ?? null}
                    className="wire whitespace-nowrap"
                  />
                </td>
                <td className={CELL}>
                  <Value
                    dimension={to}
                    value={nodes.get(link.target)?.value ?? null}
                    className="wire whitespace-nowrap"
                  />
                </td>
                <td className={FIGURE}>{formatOctets(link.octets)}</td>
                <td className={FIGURE}>{formatCount(link.packets)}</td>
                <td
                  className={`${FIGURE} ${link.droppedPackets > 0 ? 'font-semibold text-drop' : 'text-ink-faint'}`}
                >
                  {link.droppedPackets > 0 ? formatCount(link.droppedPackets) : '–'}
                </td>
                <td className={`${CELL} text-good text-xs`}>{link.isNew ? 'new' : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
