import { createManualClock } from '@weir/base';
import { expect, test } from 'vitest';
import { createInterfaceFollower } from './interface-follower.ts';

const silent = { warn: () => {} };

test('tells of every change but that to none at all', async () => {
  const clock = createManualClock();
  let present: string[] | undefined = ['lo', 'eth0'];
  const told: (readonly string[])[] = [];
  const follower = createInterfaceFollower({
    clock,
    logger: silent,
    metered: () => ['eth0', 'lo'],
    choose: () => present,
    onChange: (interfaces) => void told.push(interfaces),
  });
  await follower.start();
  const later = (next: string[] | undefined) => {
    present = next;
    clock.advance(3000);
  };
  later(['eth0', 'lo']);
  expect(told).toEqual([]);
  later(['lo', 'eth0', 'wg0']);
  expect(told).toEqual([['lo', 'eth0', 'wg0']]);
  later([]);
  later(['lo', 'eth0', 'wg0']);
  expect(told).toHaveLength(1);
  later(['lo', 'wg0']);
  expect(told.at(-1)).toEqual(['lo', 'wg0']);
  // Somebody names them for a while.
  later(undefined);
  later(['lo']);
  expect(told).toHaveLength(2);
  later(['lo', 'wg0']);
  expect(told).toHaveLength(3);
  await follower.stop();
  later(['lo']);
  expect(told).toHaveLength(3);
});

test('tells again of those of before when none of them is metered any more', async () => {
  const clock = createManualClock();
  let metered = ['eth0'];
  const told: (readonly string[])[] = [];
  const follower = createInterfaceFollower({
    clock,
    logger: silent,
    metered: () => metered,
    choose: () => ['eth0'],
    onChange: (interfaces) => void told.push(interfaces),
  });
  await follower.start();
  clock.advance(3000);
  expect(told).toEqual([]);
  metered = [];
  clock.advance(3000);
  expect(told).toEqual([['eth0']]);
  await follower.stop();
});

test('tells at once of those that came up before it started', async () => {
  const told: (readonly string[])[] = [];
  const follower = createInterfaceFollower({
    clock: createManualClock(),
    logger: silent,
    metered: () => ['lo'],
    choose: () => ['lo', 'wg0'],
    onChange: (interfaces) => void told.push(interfaces),
  });
  await follower.start();
  expect(told).toEqual([['lo', 'wg0']]);
  await follower.stop();
});

test('begins with none at all, says so, and tells of the first that comes up', async () => {
  const clock = createManualClock();
  let present: string[] = [];
  const told: (readonly string[])[] = [];
  const warnings: unknown[] = [];
  const follower = createInterfaceFollower({
    clock,
    logger: { warn: (message: unknown) => void warnings.push(message) },
    metered: () => [],
    choose: () => present,
    onChange: (interfaces) => void told.push(interfaces),
  });
  await follower.start();
  clock.advance(3000);
  expect(told).toEqual([]);
  expect(warnings).toEqual(['no interface is up: metering begins when one comes up']);
  present = ['eth0'];
  clock.advance(3000);
  expect(told).toEqual([['eth0']]);
  await follower.stop();
});
