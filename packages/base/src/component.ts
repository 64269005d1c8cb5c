import type { Logger } from './logger.ts';

/** A part of the program that is inert until started and holds nothing after it is stopped. */
export interface Component {
  start(): Promise<void>;
  /** Finishes what was accepted, then releases everything. Safe to call once after a failed start. */
  stop(): Promise<void>;
}

/** Starts components in the order in which they were added and stops them in reverse. */
export interface Lifecycle extends Component {
  add<T extends Component>(name: string, component: T): T;
}

/**
 * Creates a Lifecycle. When a component fails to start, those already started are stopped and the
 * failure is thrown. A failure to stop is logged and does not keep the others from stopping; `stop` throws the
 * first one when all have stopped, so that a process that lost something does not end as if it had not.
 */
export function createLifecycle(logger: Logger): Lifecycle {
  const components: { name: string; component: Component }[] = [];
  let startedCount = 0;

  async function stop(): Promise<void> {
    const failures: unknown[] = [];
    while (startedCount > 0) {
      startedCount -= 1;
      const entry = components[startedCount];
      if (entry === undefined) continue;
      try {
        await entry.component.stop();
      } catch (error) {
        logger.error({ error: String(error) }, `${entry.name} did not stop cleanly`);
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  return {
    add(name, component) {
      components.push({ name, component });
      return component;
    },
    async start() {
      for (const { component } of components) {
        startedCount += 1;
        try {
          await component.start();
        } catch (error) {
          await stop().catch(() => {}); // said in the log; why it did not start matters more
          throw error;
        }
      }
    },
    stop,
  };
}
