import { describe, expect, test } from 'vitest';
import { createExporterSessions } from './exporter-sessions.ts';

function setUp(sessionsMax: number) {
  let asked = 0;
  const sessions = createExporterSessions({
    source: 'edge',
    localSocket: () => '127.0.0.1:4739',
    addressOf: (key) => {
      asked += 1;
      return key < 0 ? undefined : `10.0.0.${key % 1000}`;
    },
    sessionsMax,
  });
  return { sessions, asked: () => asked };
}

describe('createExporterSessions', () => {
  test('one session an address, and its address is built once', () => {
    const { sessions, asked } = setUp(10);
    const first = sessions.find(1);
    for (let turn = 0; turn < 100; turn += 1) {
      expect(sessions.find(1)).toBe(first);
      sessions.find(2);
    }
    expect(first?.transport).toEqual({
      exporterAddress: '10.0.0.1',
      localSocket: '127.0.0.1:4739',
      transport: 'udp',
      source: 'edge',
    });
    expect(asked()).toBe(2);
  });

  test('an address keeps its session when its key changes', () => {
    const { sessions } = setUp(10);
    const first = sessions.find(1);
    expect(sessions.find(1001)).toBe(first);
    expect(sessions.size).toBe(1);
  });

  test('a flood of addresses never costs a proven exporter its session', () => {
    const { sessions } = setUp(100);
    const good = sessions.find(7);
    if (good !== undefined) good.proven = true;
    for (let key = 0; key < 1000; key += 1) {
      sessions.find(key);
      expect(sessions.size).toBeLessThanOrEqual(100);
    }
    expect(sessions.find(7)).toBe(good);
    expect(sessions.size + sessions.forgotten).toBe(1000);
  });

  test('when all are proven, all begin anew', () => {
    const { sessions } = setUp(2);
    for (const key of [1, 2]) {
      const session = sessions.find(key);
      if (session !== undefined) session.proven = true;
    }
    expect(sessions.find(3)).toBeDefined();
    expect([sessions.size, sessions.forgotten]).toEqual([1, 2]);
  });

  test('a sender whose address is not known has no session', () => {
    const { sessions } = setUp(1);
    expect(sessions.find(-5)).toBeUndefined();
    expect(sessions.find(-5)).toBeUndefined();
  });
});
