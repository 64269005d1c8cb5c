import type { FeedState } from '../api/live-feed.ts';
import { formatDateTime, formatDuration } from '../format/time.ts';
import { RANGES, type RangeName, type TimeRange } from '../view-state.ts';
import { FilterBox, type FilterMistake } from '../widgets/filter-box.tsx';
import { Segmented } from '../widgets/segmented.tsx';
import { ThemeToggle } from '../widgets/theme-toggle.tsx';

const RANGE_OPTIONS = RANGES.map((value) => ({ value, text: value.replace('m', ' min').replace('h', ' h') }));

const FILTER_EXAMPLES = [
  { text: 'host 10.0.0.1', meaning: 'from or to an address' },
  { text: 'net 10.0.0.0/8 and port 443', meaning: 'web traffic of a network, both directions' },
  { text: 'udp bytes > 10M', meaning: 'UDP flows of more than ten megabytes' },
  { text: 'dropped', meaning: 'what a policy refused' },
  { text: 'not (port 53 or icmp)', meaning: 'without the noise' },
];

interface HeaderProps {
  range: TimeRange;
  filter: string;
  feed: FeedState;
  checkFilter: (text: string) => FilterMistake | undefined;
  onRange: (range: TimeRange) => void;
  onFilter: (filter: string) => void;
}

export function Header(props: HeaderProps) {
  return (
    <header className="sticky top-0 z-40 border-line border-b bg-page/95 backdrop-blur">
      <div className="mx-auto flex max-w-[110rem] flex-wrap items-start gap-x-3 gap-y-2 px-3 py-2 sm:px-4">
        <a href="/" className="flex h-8 items-center gap-2 rounded" aria-label="Weir, start page">
          <img src="/weir.svg" alt="" className="size-7" />
          <span className="font-semibold text-[1.0625rem] tracking-tight">Weir</span>
        </a>
        <div className="order-last w-full min-w-0 md:order-none md:w-auto md:flex-1">
          <FilterBox
            value={props.filter}
            onApply={props.onFilter}
            check={props.checkFilter}
            examples={FILTER_EXAMPLES}
          />
        </div>
        <div className="order-last flex h-8 w-full items-center md:order-none md:w-auto">
          <RangePicker range={props.range} onRange={props.onRange} />
        </div>
        <div className="ml-auto flex h-8 items-center gap-2 md:ml-0">
          <LivePill feed={props.feed} range={props.range} />
          <ThemeToggle />
        </div>
      </div>
    </header>
  );
}

function RangePicker({ range, onRange }: Pick<HeaderProps, 'range' | 'onRange'>) {
  const chosen: RangeName | undefined = range.kind === 'last' ? range.last : undefined;
  return (
    <div className="flex items-center gap-2">
      <Segmented
        label="Time range"
        options={RANGE_OPTIONS}
        value={chosen}
        onChange={(last) => onRange({ kind: 'last', last })}
      />
      {range.kind === 'fixed' && (
        <span className="figures hidden whitespace-nowrap text-ink-soft text-xs 2xl:inline">
          {formatDateTime(range.from)} + {formatDuration(range.to - range.from)}
        </span>
      )}
    </div>
  );
}

const PILLS: Readonly<Record<FeedState | 'fixed', { text: string; title: string; dot: string }>> = {
  live: { text: 'Live', title: 'The page follows the traffic.', dot: 'bg-good breathing' },
  waiting: {
    text: 'Connecting',
    title: 'Waiting for the server; the page tries again by itself.',
    dot: 'bg-warn',
  },
  off: {
    text: 'Paused',
    title: 'The page is not updated while it is hidden or its filter cannot be read.',
    dot: 'bg-line-strong',
  },
  fixed: {
    text: 'Fixed time',
    title: 'A fixed span of time is shown; choose a range to follow the traffic.',
    dot: 'bg-line-strong',
  },
};

function LivePill({ feed, range }: Pick<HeaderProps, 'feed' | 'range'>) {
  const pill = PILLS[range.kind === 'fixed' && feed !== 'waiting' ? 'fixed' : feed];
  return (
    <output
      title={pill.title}
      className="flex h-8 items-center gap-1.5 whitespace-nowrap rounded-md px-1.5 text-ink-soft text-xs"
    >
      <span aria-hidden="true" className={`size-2 rounded-full ${pill.dot}`} />
      {pill.text}
    </output>
  );
}
