import { createManualClock, silentLogger } from '@weir/base';
import type { LocalNameList } from '@weir/collecting';
import { listInterfaces } from '@weir/host';
import { expect, test } from 'vitest';
import { createLocalNameWatch, peerSources } from './local-name-watch.ts';

test('asks overlay programs only where they have an interface', () => {
  expect(peerSources([{ name: 'eth0', kind: undefined }])).toEqual([]);
  expect(peerSources([{ name: 'wg0', kind: 'wireguard' }])).toEqual([{ kind: 'wireGuard' }]);
  const both = [
    { name: 'wt0', kind: 'wireguard' },
    { name: 'tailscale0', kind: 'tun' },
  ];
  expect(peerSources(both)).toEqual([{ kind: 'netBird' }, { kind: 'tailscale' }]);
});

test('tells names once, until they change', async () => {
  const told: LocalNameList[] = [];
  const clock = createManualClock();
  const watch = createLocalNameWatch({ setNames: (list) => told.push(list) }, silentLogger, clock);
  await watch.start();
  clock.advance(60_000);
  await watch.stop();
  expect(told.length).toBe(1);
  expect(told[0]?.interfaces.map(({ name }) => name)).toEqual(listInterfaces().map(({ name }) => name));
});
