import type { QueryResponse, StatusResponse } from '../api/contract.ts';
import { useApi, useEvery, useReportAsking } from '../api/use-api.ts';
import { countryName } from '../flows/dimension.ts';
import { checkFilter } from '../flows/filter-check.ts';
import { Value } from '../flows/value.tsx';
import { useValueActions } from '../flows/value-actions.ts';
import { formatCount, formatOctets, formatQuantity, formatShare } from '../format/quantity.ts';
import { rangeInWords } from '../format/time-words.ts';
import { countryShapes, MAP_HEIGHT, MAP_WIDTH } from '../geography/world.ts';
import { useViewState } from '../use-view-state.ts';
import type { ViewCodec } from '../view-state.ts';
import { type Bar, BarList } from '../widgets/bar-list.tsx';
import { Panel } from '../widgets/panel.tsx';
import { QueryText } from '../widgets/query-text.tsx';
import { Segmented } from '../widgets/segmented.tsx';
import { EmptyState } from './empty-state.tsx';
import { ProblemNote } from './problem-note.tsx';

const COUNTRIES_MAX = 250;
const BARS = 14;
const EVERY_MS = 15_000;
const SIDES = [
  { value: 'srcCountry', text: 'Sources' },
  { value: 'dstCountry', text: 'Destinations' },
] as const;
type Side = (typeof SIDES)[number]['value'];

const MAP_VIEW: ViewCodec<{ side: Side }> = {
  parse: (parameters) => ({ side: parameters.get('side') === 'dstCountry' ? 'dstCountry' : 'srcCountry' }),
  write: ({ side }, parameters) => {
    if (side !== 'srcCountry') parameters.set('side', side);
  },
};

/** Where traffic comes from and goes to, by country. */
export function MapPage() {
  const [view, change] = useViewState(MAP_VIEW);
  const { range, filter, side } = view;
  const mistake = checkFilter(filter);
  const time = range.kind === 'last' ? { last: range.last } : { from: range.from, to: range.to };
  const everyMs = useEvery(EVERY_MS, range.kind === 'last');
  const question = { ...time, filter, by: side, top: COUNTRIES_MAX, orderBy: 'octets' };
  const answer = useApi<QueryResponse>(['query', question], { everyMs, enabled: mistake === undefined });
  const status = useApi<StatusResponse>(['status', {}]);
  useReportAsking(mistake === undefined ? everyMs : false, answer.error !== null);
  const { data } = answer;
  const octets = octetsByCountry(data, side);
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {answer.error !== null && <ProblemNote problem={answer.error} />}
      {mistake !== undefined || data?.rows.length === 0 ? (
        <Panel title="Nothing to show">
          <EmptyState
            span={rangeInWords(range, Date.now())}
            filter={filter}
            mistake={mistake?.message}
            status={status.data}
            onClearFilter={() => change({ filter: '' })}
          />
        </Panel>
      ) : (
        <div className="grid grid-cols-1 items-start gap-3 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
          <Panel
            title="Countries"
            note={data === undefined ? 'asking…' : `${octets.size} of known origin`}
            controls={
              <>
                <QueryText sql={data?.sql} />
                <Segmented
                  label="Side"
                  options={SIDES}
                  value={side}
                  onChange={(next) => change({ side: next })}
                />
              </>
            }
          >
            {data !== undefined && octets.size === 0 && <NoCountries flows={data.total.flows} />}
            <WorldMap side={side} octets={octets} />
          </Panel>
          <Panel title={side === 'srcCountry' ? 'Top countries of sources' : 'Top countries of destinations'}>
            {data !== undefined && <BarList label="Top countries" bars={barsOf(data, side)} />}
          </Panel>
        </div>
      )}
    </div>
  );
}

function octetsByCountry(data: QueryResponse | undefined, side: Side): Map<string, number> {
  const octets = new Map<string, number>();
  for (const row of data?.rows ?? []) {
    const country = row[side];
    if (typeof country === 'string') octets.set(country, Number(row['octets'] ?? 0));
  }
  return octets;
}

function NoCountries({ flows }: { flows: number }) {
  return (
    <p className="border-line border-b px-3.5 py-2.5 text-ink-soft" data-testid="empty-state">
      None of the {formatCount(flows)} flows has a country. Private addresses have none; others get one where
      the collector looks up origins.
    </p>
  );
}

function WorldMap({ side, octets }: { side: Side; octets: ReadonlyMap<string, number> }) {
  const { openMenu } = useValueActions();
  const largest = Math.max(1, ...octets.values());
  return (
    <svg
      viewBox={`0 0 ${MAP_WIDTH} ${MAP_HEIGHT}`}
      role="img"
      aria-label={`Map of the world; ${octets.size} countries have traffic. The list has the figures.`}
      className="w-full p-2"
    >
      {countryShapes().map(({ letters, name, path }) => {
        const value = letters === undefined ? undefined : octets.get(letters);
        const strength = value === undefined ? 0 : 20 + 80 * Math.sqrt(value / largest);
        return (
          // biome-ignore lint/a11y/noStaticElementInteractions: the list beside it has the same values as buttons.
          <path
            key={name}
            d={path}
            stroke="var(--surface)"
            strokeWidth="0.6"
            style={{ fill: `color-mix(in oklab, var(--heat-high) ${strength.toFixed(0)}%, var(--line))` }}
            className={value === undefined ? '' : 'cursor-pointer hover:opacity-80'}
            onClick={(event) => {
              if (value !== undefined && letters !== undefined)
                openMenu(side, letters, { x: event.clientX, y: event.clientY });
            }}
          >
            <title>{`${name}: ${value === undefined ? 'nothing' : formatOctets(value)}`}</title>
          </path>
        );
      })}
    </svg>
  );
}

function barsOf(data: QueryResponse, side: Side): Bar[] {
  const seconds = Math.max(1, (data.to - data.from) / 1000);
  const largest = Math.max(1, ...data.rows.map((row) => Number(row['octets'] ?? 0)));
  return data.rows.slice(0, BARS).map((row): Bar => {
    const octets = Number(row['octets'] ?? 0);
    const country = row[side] ?? null;
    return {
      id: String(country),
      label:
        country === null ? (
          <span className="text-ink-soft">no country is known</span>
        ) : (
          <Value dimension={side} value={country}>
            {countryName(String(country)) ?? country}
          </Value>
        ),
      share: octets / largest,
      colour: country === null ? '--series-other' : '--accent',
      figure: formatQuantity((octets * 8) / seconds, 'b/s'),
      note: formatShare(octets, data.total.octets),
    };
  });
}
