import { describe, expect, test } from 'vitest';
import { type Component, createLifecycle } from './component.ts';
import { silentLogger } from './logger.ts';

function recorder(
  events: string[],
  name: string,
  failing: 'start' | 'stop' | undefined = undefined,
): Component {
  return {
    async start() {
      events.push(`start ${name}`);
      if (failing === 'start') throw new Error('no');
    },
    async stop() {
      events.push(`stop ${name}`);
      if (failing === 'stop') throw new Error('no');
    },
  };
}

describe('a lifecycle', () => {
  test('stops in reverse order and goes on when one fails to stop', async () => {
    const events: string[] = [];
    const lifecycle = createLifecycle(silentLogger);
    lifecycle.add('a', recorder(events, 'a'));
    lifecycle.add('b', recorder(events, 'b', 'stop'));
    lifecycle.add('c', recorder(events, 'c'));
    await lifecycle.start();
    await expect(lifecycle.stop()).rejects.toThrow('no');
    await lifecycle.stop();
    expect(events).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
  });

  test('stops what it started, the failed one included, when one fails to start', async () => {
    const events: string[] = [];
    const lifecycle = createLifecycle(silentLogger);
    lifecycle.add('a', recorder(events, 'a'));
    lifecycle.add('b', recorder(events, 'b', 'start'));
    lifecycle.add('c', recorder(events, 'c'));
    await expect(lifecycle.start()).rejects.toThrow('no');
    expect(events).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });
});
