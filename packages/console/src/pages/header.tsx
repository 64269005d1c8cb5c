import type { FeedState } from '../api/live-feed.ts';
import { formatDateTime, formatDuration } from '../format/time.ts';
import { RANGES, type RangeName, type TimeRange } from '../view-state.ts';
import { FilterBox, type FilterMistake } from '../widgets/filter-box.tsx';
import { Segmented } from '../widgets/segmented.tsx';
import { ThemeToggle } from '../widgets/theme-toggle.tsx';

const RANGE_OPTIONS = RANGES.map((value) => ({ value, text: value.replace('m', ' min').replace('h', ' h') }));

const FILTER_EXAMPLES = [
  { text: 'dstPort = 443', meaning: 'to web servers' },
  { text: 'protocol = udp and octets > 10000', meaning: 'large UDP flows' },
  { text: 'srcAddr = 10.0.0.0/8', meaning: 'from a network' },
  { text: 'srcPort = 53 or dstPort = 53', meaning: 'name service, both directions' },
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
        <div className="ml-auto flex h-8 items-center gap-2 md:ml-0">
          <LivePill feed={props.feed} range={props.range} />
          <ThemeToggle />
        </div>
        <div className="order-last flex h-8 w-full items-center md:order-none md:w-auto">
          <RangePicker range={props.range} onRange={props.onRange} />
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
  off: { text: 'Paused', title: 'The page is not updated while it is hidden.', dot: 'bg-line-strong' },
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
