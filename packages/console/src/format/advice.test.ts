import { describe, expect, test } from 'vitest';
import { splitAdvice } from './advice.ts';

describe('advice', () => {
  test('tells the command from the words around it', () => {
    expect(splitAdvice('grant it with "sudo setcap cap_net_raw+ep /usr/bin/node", or run as root')).toEqual({
      before: 'grant it with',
      command: 'sudo setcap cap_net_raw+ep /usr/bin/node',
      after: 'or run as root',
    });
  });

  test('without quotes is a sentence', () => {
    expect(splitAdvice('the sandbox must allow AF_PACKET').command).toBeUndefined();
  });
});
