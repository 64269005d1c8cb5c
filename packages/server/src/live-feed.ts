/**
 * What changes, every second, for all who look. Clients with the same question share one view; the views
 * are asked one after the other, so that a hundred open pages still put one question at a time to the store;
 * and what is costly to answer is asked less often.
 */
import type { Clock, Logger } from '@weir/base';
import type { FlowsAnswer, QueryAnswer, SeriesAnswer } from './answers.ts';
import type { FlowQuestions, MeasureName } from './flow-questions.ts';
import { seriesPatch, wholeSeries } from './series-patch.ts';
import { narrowStatus, type StatusAnswer } from './system-status.ts';

const TICK_MS = 1000;
/** Each client is a socket and at most one event of some 100 KiB in flight. */
const CLIENTS_MAX = 64;
/** Different questions at the same time: each costs up to four queries a second. */
const VIEWS_MAX = 16;
/**
 * A question is asked again after eight times what it took: at most a ninth of one core goes to a view's
 * part.
 */
const REST_FACTOR = 8;
const STATUS_INTERVAL_MS = 2000;
const TOP_INTERVAL_MS = 2000;

export interface LiveQuestion {
  readonly filter: string;
  readonly lastMs: number;
  readonly by: readonly string[];
  readonly top: number;
  readonly points: number;
  readonly topBy: readonly string[];
  readonly topRows: number;
  readonly limit: number;
  readonly orderBy: MeasureName;
  /** Only flows that meet it exist for who asks; empty: all. */
  readonly rowFilter: string;
}

export interface LiveEvent {
  readonly name: 'pulse' | 'series' | 'top' | 'flows' | 'status';
  readonly data: object;
}

export type LiveListener = (event: LiveEvent) => void;

export interface LiveFeed {
  /** Sends what is known at once, then what changes. Undefined when there are too many clients or views. */
  subscribe(question: LiveQuestion, listener: LiveListener): (() => void) | undefined;
  start(): void;
  stop(): void;
  counters(): { clients: number; views: number; polls: number; failedPolls: number; refusedClients: number };
}

interface LiveFeedOptions {
  readonly questions: FlowQuestions;
  readonly status: () => Promise<StatusAnswer>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * One question that is asked again and again; `poll` resolves to the event to send, or undefined when nothing
 * changed.
 */
interface Part {
  readonly intervalMs: number;
  dueAtMs: number;
  poll(signal: AbortSignal): Promise<LiveEvent | undefined>;
  /** What a new client needs; undefined before the first answer. */
  whole(): LiveEvent | undefined;
}

interface View {
  /** Whether it is about a part of the flows only. */
  readonly narrowed: boolean;
  readonly listeners: Set<LiveListener>;
  readonly parts: readonly Part[];
}

export function createLiveFeed({ questions, status, clock, logger }: LiveFeedOptions): LiveFeed {
  const views = new Map<string, View>();
  const statusPart = createStatusPart(status);
  const narrowedStatusPart = createStatusPart(async () => narrowStatus(await status()));
  const counters = { polls: 0, failedPolls: 0, refusedClients: 0 };
  const stopping = new AbortController();
  let cancelTimer: (() => void) | undefined;
  let polling = false;

  const clientCount = (): number => [...views.values()].reduce((sum, view) => sum + view.listeners.size, 0);

  async function pollPart(part: Part): Promise<LiveEvent | undefined> {
    const startMs = clock.monotonicMs();
    if (part.dueAtMs > startMs) return undefined;
    counters.polls += 1;
    try {
      return await part.poll(stopping.signal);
    } catch (error) {
      counters.failedPolls += 1;
      logger.debug({ error: String(error) }, 'A live question was not answered.');
      return undefined;
    } finally {
      const tookMs = clock.monotonicMs() - startMs;
      part.dueAtMs = startMs + Math.max(part.intervalMs, tookMs * (REST_FACTOR + 1));
    }
  }

  async function tick(): Promise<void> {
    if (polling || views.size === 0) return;
    polling = true;
    try {
      const isNarrowed = [...views.values()].some(({ narrowed }) => narrowed);
      const statusEvent = await pollPart(statusPart);
      const narrowedEvent = isNarrowed ? await pollPart(narrowedStatusPart) : undefined;
      for (const view of views.values()) {
        const event = view.narrowed ? narrowedEvent : statusEvent;
        if (event !== undefined) broadcast(view, event);
        await pollView(view);
      }
    } finally {
      polling = false;
    }
  }

  async function pollView(view: View): Promise<void> {
    for (const part of view.parts) {
      if (view.listeners.size === 0 || stopping.signal.aborted) return;
      const event = await pollPart(part);
      if (event !== undefined) broadcast(view, event);
    }
  }

  function broadcast(view: View, event: LiveEvent): void {
    for (const listener of view.listeners) listener(event);
  }

  return {
    subscribe(question, listener) {
      const key = JSON.stringify(question);
      let view = views.get(key);
      if (clientCount() >= CLIENTS_MAX || (view === undefined && views.size >= VIEWS_MAX)) {
        counters.refusedClients += 1;
        return undefined;
      }
      if (view === undefined) {
        const narrowed = question.rowFilter !== '';
        const parts = createParts(questions.narrowed(question.rowFilter), question, clock);
        view = { narrowed, listeners: new Set(), parts };
        views.set(key, view);
      }
      const joined = view;
      joined.listeners.add(listener);
      for (const part of [joined.narrowed ? narrowedStatusPart : statusPart, ...joined.parts]) {
        const event = part.whole();
        if (event !== undefined) listener(event);
      }
      void tick();
      return () => {
        joined.listeners.delete(listener);
        if (joined.listeners.size === 0 && views.get(key) === joined) views.delete(key);
      };
    },
    start() {
      cancelTimer = clock.every(TICK_MS, () => void tick());
    },
    stop() {
      cancelTimer?.();
      stopping.abort(new Error('The server stops.'));
      views.clear();
    },
    counters: () => ({ ...counters, clients: clientCount(), views: views.size }),
  };
}

function createStatusPart(status: () => Promise<StatusAnswer>): Part {
  let last: StatusAnswer | undefined;
  return {
    intervalMs: STATUS_INTERVAL_MS,
    dueAtMs: 0,
    async poll() {
      last = await status();
      return { name: 'status', data: last };
    },
    whole: () => (last === undefined ? undefined : { name: 'status', data: last }),
  };
}

function createParts(questions: FlowQuestions, question: LiveQuestion, clock: Clock): Part[] {
  const { filter, orderBy } = question;
  const window = () => ({ fromMs: clock.nowMs() - question.lastMs, toMs: clock.nowMs() });
  return [
    changingPart('pulse', TICK_MS, (signal) => questions.pulse(filter, signal)),
    createSeriesPart((signal) =>
      questions.series(
        { filter, window: window(), by: question.by, top: question.top, points: question.points, orderBy },
        signal,
      ),
    ),
    changingPart('flows', TICK_MS, (signal) =>
      questions.records({ filter, window: window(), limit: question.limit, cursor: undefined }, signal),
    ),
    changingPart('top', TOP_INTERVAL_MS, (signal) =>
      questions.rank(
        { filter, window: window(), by: question.topBy, top: question.topRows, orderBy },
        signal,
      ),
    ),
  ];
}

/** Sends the whole answer whenever it differs in more than the time it took. */
function changingPart(
  name: 'pulse' | 'flows' | 'top',
  intervalMs: number,
  ask: (signal: AbortSignal) => Promise<object & { tookMs?: number }>,
): Part {
  let last: object | undefined;
  let lastText = '';
  return {
    intervalMs,
    dueAtMs: 0,
    async poll(signal) {
      const answer: object & (Partial<FlowsAnswer> | Partial<QueryAnswer>) = await ask(signal);
      const text = JSON.stringify({ ...answer, tookMs: 0 });
      if (text === lastText) return undefined;
      lastText = text;
      last = answer;
      return { name, data: answer };
    },
    whole: () => (last === undefined ? undefined : { name, data: last }),
  };
}

function createSeriesPart(ask: (signal: AbortSignal) => Promise<SeriesAnswer>): Part {
  let last: SeriesAnswer | undefined;
  return {
    intervalMs: TICK_MS,
    dueAtMs: 0,
    async poll(signal) {
      const previous = last;
      last = await ask(signal);
      const patch = previous === undefined ? wholeSeries(last) : seriesPatch(previous, last);
      return patch === undefined ? undefined : { name: 'series', data: patch };
    },
    whole: () => (last === undefined ? undefined : { name: 'series', data: wholeSeries(last) }),
  };
}
