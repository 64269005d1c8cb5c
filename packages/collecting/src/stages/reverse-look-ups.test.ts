import { createManualClock } from '@weir/base';
import { expect, test } from 'vitest';
import { createReverseLookUps } from './reverse-look-ups.ts';

const V4 = Int32Array.of(0x0a000001, 0xffff, 0, 0);
const V6 = Int32Array.of(1, 0, 0, 0x20010db8);

test('asks for addresses as text and tells the first name', async () => {
  const asked: string[] = [];
  const told: string[] = [];
  const reverse = async (address: string) => {
    asked.push(address);
    if (address.includes(':')) throw new Error('ENOTFOUND');
    return ['one.example', 'two.example'];
  };
  const lookUps = createReverseLookUps({ clock: createManualClock(), reverse });
  lookUps.ask(V4, (name) => told.push(name));
  lookUps.ask(V6, (name) => told.push(name));
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toEqual(['10.0.0.1', '2001:db8::1']);
  expect(told).toEqual(['one.example']);
  lookUps.stop();
});

test('is ready for so many at once, and so many a second', async () => {
  const clock = createManualClock();
  const waiting: (() => void)[] = [];
  const reverse = () => new Promise<string[]>((resolve) => waiting.push(() => resolve([])));
  const lookUps = createReverseLookUps({ clock, reverse });
  const askWhileReady = () => {
    let asked = 0;
    for (; lookUps.ready(); asked += 1) lookUps.ask(V4, () => {});
    return asked;
  };
  const answerAll = async () => {
    for (const answer of waiting.splice(0)) answer();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const asked: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    asked.push(askWhileReady());
    await answerAll();
  }
  clock.advance(1000);
  asked.push(askWhileReady());
  expect(asked).toEqual([16, 16, 16, 2, 0, 16]);
  await answerAll();
  lookUps.stop();
});
