import { createManualClock, silentLogger } from '@weir/base';
import { expect, test } from 'vitest';
import { createSupervisor } from './supervisor.ts';

/** Processes that end when the test says so. */
function createWorld() {
  const clock = createManualClock();
  const launchedAtMs: number[] = [];
  const signals: string[] = [];
  let end: (exit: number | NodeJS.Signals) => void = () => {};
  const supervisor = createSupervisor({
    clock,
    logger: silentLogger,
    launch() {
      launchedAtMs.push(clock.monotonicMs());
      const { promise, resolve } = Promise.withResolvers<number | NodeJS.Signals>();
      end = resolve;
      return { pid: 100 + launchedAtMs.length, kill: (signal) => void signals.push(signal), ended: promise };
    },
  });
  const ended = supervisor.run();
  async function crash(exit: number | NodeJS.Signals): Promise<void> {
    end(exit);
    await settle();
  }
  return { clock, launchedAtMs, signals, supervisor, ended, crash };
}

/** Lets promises that are resolved run what waits for them. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

test('a process that crashes at once is started again, each time later, at most a minute', async () => {
  const { clock, launchedAtMs, supervisor, crash } = createWorld();
  for (let count = 0; count < 8; count += 1) {
    await crash('SIGKILL');
    clock.advance(60_000);
    await settle();
  }
  const pauses = launchedAtMs.slice(1).map((atMs, index) => atMs - (launchedAtMs[index] ?? 0));
  expect(pauses).toEqual([60_000, 60_000, 60_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
  expect(supervisor.restarts).toBe(8);
  expect(supervisor.lastExit).toBe('SIGKILL');
});

test('the pauses are 1, 2, 4 … s, and 1 s again after a minute without a crash', async () => {
  const { clock, launchedAtMs, crash } = createWorld();
  async function started(): Promise<number> {
    const before = launchedAtMs.length;
    const fromMs = clock.monotonicMs();
    while (launchedAtMs.length === before) {
      clock.advance(500);
      await settle();
    }
    return clock.monotonicMs() - fromMs;
  }
  const pauses: number[] = [];
  for (let count = 0; count < 7; count += 1) {
    await crash(1);
    pauses.push(await started());
  }
  clock.advance(60_000);
  await crash(1);
  pauses.push(await started());
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 1_000]);
});

test.each([0, 2])('a process that ends with %i is not started again', async (exit) => {
  const { launchedAtMs, ended, crash } = createWorld();
  await crash(exit);
  expect(await ended).toBe(exit);
  expect(launchedAtMs).toHaveLength(1);
});

test('SIGTERM is passed on and ends the supervising, in the pause between two starts too', async () => {
  const running = createWorld();
  running.supervisor.signal('SIGHUP');
  running.supervisor.signal('SIGTERM');
  await running.crash('SIGTERM');
  expect(await running.ended).toBe(0);
  expect(running.signals).toEqual(['SIGHUP', 'SIGTERM']);

  const pausing = createWorld();
  await pausing.crash(1);
  expect(pausing.supervisor.pid).toBeUndefined();
  pausing.supervisor.signal('SIGTERM');
  expect(await pausing.ended).toBe(1);
  expect(pausing.launchedAtMs).toHaveLength(1);
});
