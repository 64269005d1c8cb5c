/** Messages that wait to be delivered: kept on the disk, tried again with growing pauses, bounded. */
import path from 'node:path';
import { type CancelTimer, type Clock, type Component, createStateFile, type Logger } from '@weir/base';
import { z } from 'zod';

const deliverySchema = z.object({
  id: z.number().int(),
  /** `email`, or `webhook:ID`. */
  target: z.string(),
  subject: z.string(),
  body: z.string(),
  createdAtMs: z.number(),
  dueAtMs: z.number(),
  attempts: z.number().int(),
  lastError: z.string(),
});
export type Delivery = z.infer<typeof deliverySchema>;

const stateSchema = z.object({ version: z.literal(1), nextId: z.number(), waiting: z.array(deliverySchema) });

/** Some 2 KiB each: 1 MiB on the disk. When it is full, the oldest goes. */
const WAITING_MAX = 500;
/** 10 s, 20 s, 40 s … up to an hour between two attempts. */
const RETRY_FIRST_MS = 10_000;
const RETRY_MAX_MS = 3_600_000;
/** News of the day before yesterday is no alert any more. */
const AGE_MAX_MS = 24 * 3_600_000;

export interface DeliveryCounters {
  queued: number;
  delivered: number;
  failedAttempts: number;
  /** Too old, or refused for good. */
  givenUp: number;
  /** Gone because too many waited. */
  dropped: number;
}

export interface DeliveryQueue extends Component {
  add(message: Pick<Delivery, 'target' | 'subject' | 'body'>): void;
  waiting(): readonly Delivery[];
  counters(): Readonly<DeliveryCounters>;
  /** Resolves when nothing is being delivered at this moment. */
  settled(): Promise<void>;
}

export interface DeliveryQueueOptions {
  readonly dataDirectory: string;
  /** Rejects when it was not delivered; resolves to false when there is no such target any more. */
  readonly deliver: (delivery: Delivery) => Promise<boolean>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createDeliveryQueue({
  dataDirectory,
  deliver,
  clock,
  logger,
}: DeliveryQueueOptions): DeliveryQueue {
  const file = createStateFile({
    path: path.join(dataDirectory, 'notifications', 'queue.json'),
    initial: { version: 1 as const, nextId: 1, waiting: [] },
    parse: (value) => stateSchema.parse(value),
    logger,
  });
  let { nextId, waiting } = file.read();
  const counters: DeliveryCounters = { queued: 0, delivered: 0, failedAttempts: 0, givenUp: 0, dropped: 0 };
  let running: Promise<void> = Promise.resolve();
  let isRunning = false;
  let isStarted = false;
  let cancelTimer: CancelTimer | undefined;

  function save(): Promise<void> {
    return file.write({ version: 1, nextId, waiting: [...waiting] }).catch((error: Error) => {
      logger.warn(`waiting messages could not be written: ${error.message}`);
    });
  }

  const remove = ({ id }: Delivery): void => {
    waiting = waiting.filter((each) => each.id !== id);
  };

  async function attempt(delivery: Delivery): Promise<void> {
    try {
      const isKnown = await deliver(delivery);
      remove(delivery);
      counters[isKnown ? 'delivered' : 'givenUp'] += 1;
    } catch (error) {
      counters.failedAttempts += 1;
      postpone(delivery, error instanceof Error ? error.message : String(error));
    }
    // Not waited for: a message that is delivered twice after a crash is better than a slow queue.
    void save();
  }

  function postpone(delivery: Delivery, lastError: string): void {
    const attempts = delivery.attempts + 1;
    const pauseMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (attempts - 1));
    const dueAtMs = clock.nowMs() + pauseMs;
    if (dueAtMs - delivery.createdAtMs <= AGE_MAX_MS) {
      const later = { ...delivery, attempts, dueAtMs, lastError };
      waiting = waiting.map((each) => (each.id === delivery.id ? later : each));
      return;
    }
    remove(delivery);
    counters.givenUp += 1;
    logger.warn(`gave up telling ${delivery.target} after ${attempts} attempts: ${lastError}`);
  }

  async function drain(): Promise<void> {
    for (;;) {
      const due = waiting.find(({ dueAtMs }) => dueAtMs <= clock.nowMs());
      if (due === undefined || !isStarted) return;
      await attempt(due);
    }
  }

  /** Works now, and then when the next message is due. */
  function wake(): void {
    if (isRunning || !isStarted) return;
    isRunning = true;
    cancelTimer?.();
    running = drain().finally(() => {
      isRunning = false;
      const nextMs = Math.min(...waiting.map(({ dueAtMs }) => dueAtMs));
      if (isStarted && Number.isFinite(nextMs)) {
        cancelTimer = clock.after(Math.max(0, nextMs - clock.nowMs()), wake);
      }
    });
  }

  return {
    add({ target, subject, body }) {
      const nowMs = clock.nowMs();
      const message = { id: nextId, target, subject, body, createdAtMs: nowMs, dueAtMs: nowMs };
      waiting = [...waiting, { ...message, attempts: 0, lastError: '' }];
      nextId += 1;
      counters.queued += 1;
      if (waiting.length > WAITING_MAX) {
        counters.dropped += waiting.length - WAITING_MAX;
        waiting = waiting.slice(-WAITING_MAX);
      }
      void save();
      wake();
    },
    waiting: () => waiting,
    counters: () => counters,
    async settled() {
      await Promise.resolve();
      await running;
    },
    async start() {
      isStarted = true;
      wake();
    },
    async stop() {
      isStarted = false;
      cancelTimer?.();
      await running;
      await save();
    },
  };
}
