import { createManualClock, type StateFile, silentLogger } from '@weir/base';
import { beforeEach, describe, expect, test } from 'vitest';
import { type AgentRegister, createAgentRegister } from './agent-register.ts';
import { type AgentReport, type RegisterState, registerSchema } from './agent-schema.ts';

const REPORT: AgentReport = {
  name: 'host-a',
  platform: 'linux x64',
  profile: '/etc/weir/profiles/Universe.profile',
  revision: 'r1',
  settings: { Direction: 'Both', Interval: 0, FlowIdKey: { NotShown: true } },
  status: {
    version: '0.1.0',
    state: 'metering',
    startedAt: 1,
    rates: { packets: 1, octets: 2, records: 3 },
    interfaces: [],
    collectors: [],
  },
};

let state: RegisterState;
let clock = createManualClock();
let register: AgentRegister;
let checked: Readonly<Record<string, unknown>>[];

const file: StateFile<RegisterState> = {
  read: () => state,
  write: async (next) => {
    state = registerSchema.parse(JSON.parse(JSON.stringify(next)));
  },
};

function open(): AgentRegister {
  return createAgentRegister({
    file,
    checkSettings(settings) {
      checked.push(settings);
      return settings['Direction'] === 'Sideways' ? ['Direction: found "Sideways"'] : [];
    },
    clock,
    logger: silentLogger,
  });
}

function enrolled(): { id: string; credential: string } {
  const { id, secret } = register.enrol(register.createToken('ada').token, {
    name: 'host-a',
    platform: 'linux x64',
    address: '192.0.2.1',
  });
  return { id, credential: `${id}.${secret}` };
}

beforeEach(() => {
  state = { version: 1, agents: [], tokens: [] };
  clock = createManualClock();
  checked = [];
  register = open();
});

describe('enrolment', () => {
  const who = { name: 'x', platform: 'y', address: 'z' };

  test('a token is good once, for an hour, and is not kept in the clear', () => {
    const { token } = register.createToken('ada');
    expect(JSON.stringify(state)).not.toContain(token);
    register.enrol(token, who);
    expect(() => register.enrol(token, who)).toThrow(/unknown, used or too old/);
    const late = register.createToken('ada');
    clock.advance(60 * 60_000);
    expect(() => register.enrol(late.token, who)).toThrow(/too old/);
    expect(() => register.enrol('guess', who)).toThrow(/unknown/);
    expect(register.counters().refused).toBe(3);
  });

  test('an agent is known by its secret alone, also after a restart, and not when it was removed', () => {
    const { id, credential } = enrolled();
    expect(register.authenticate(credential)).toBe(id);
    for (const wrong of [`${id}.guess`, id, '', `.${credential}`])
      expect(register.authenticate(wrong)).toBeUndefined();
    const again = open();
    expect(again.authenticate(credential)).toBe(id);
    again.remove(id);
    expect(again.authenticate(credential)).toBeUndefined();
  });
});

describe('edits', () => {
  const edit = { basis: 'r1', set: { Direction: 'SendingToPeer' }, unset: [] };

  test('an edit is given to the agent with each answer until it says what became of it', () => {
    const { id } = enrolled();
    register.report(id, REPORT, '192.0.2.1');
    const change = register.edit(id, edit, 'ada');
    expect(register.report(id, REPORT, '192.0.2.1').change).toMatchObject({ ...edit, id: change.id });
    register = open();
    expect(register.report(id, REPORT, '192.0.2.1').change).toMatchObject({ id: change.id });
    const result = { id: change.id, outcome: 'applied' as const, message: 'in force' };
    const applied = { ...REPORT, revision: 'r2', result };
    expect(register.report(id, applied, '192.0.2.1').change).toBeUndefined();
    expect(register.list()[0]).toMatchObject({
      revision: 'r2',
      edits: [{ id: change.id, by: 'ada', outcome: 'applied', message: 'in force' }],
    });
  });

  test('settings are checked as they would be, without the secret that is not shown', () => {
    const { id } = enrolled();
    register.report(id, REPORT, '192.0.2.1');
    const wrong = { ...edit, set: { Direction: 'Sideways' }, unset: ['Interval'] };
    expect(() => register.edit(id, wrong, 'ada')).toThrow(/Sideways/);
    expect(checked).toEqual([{ Direction: 'Sideways' }]);
    expect(register.list()[0]?.edits).toEqual([]);
  });

  test('of two people who edit the same settings the second is told', () => {
    const { id } = enrolled();
    expect(() => register.edit(id, edit, 'ada')).toThrow(/has not said its settings/);
    register.report(id, { ...REPORT, revision: 'r2' }, '192.0.2.1');
    expect(() => register.edit(id, edit, 'ada')).toThrow(/changed meanwhile/);
    register.edit(id, { ...edit, basis: 'r2' }, 'ada');
    expect(() => register.edit(id, { ...edit, basis: 'r2' }, 'bob')).toThrow(/waits/);
    register.withdraw(id);
    expect(register.report(id, { ...REPORT, revision: 'r2' }, '192.0.2.1').change).toBeUndefined();
    expect(register.list()[0]?.edits[0]?.outcome).toBe('withdrawn');
    expect(() => register.edit('nobody', edit, 'ada')).toThrow(/no such agent/);
  });

  test('the last ten edits are kept', () => {
    const { id } = enrolled();
    register.report(id, REPORT, '192.0.2.1');
    for (let count = 0; count < 12; count += 1) {
      register.edit(id, edit, 'ada');
      register.withdraw(id);
    }
    expect(register.list()[0]?.edits).toHaveLength(10);
  });
});

test('an agent that does not ask any more is away', () => {
  const { id } = enrolled();
  expect(register.list()[0]).toMatchObject({ online: false });
  const { nextReportMs } = register.report(id, REPORT, '192.0.2.1');
  expect(register.list()[0]).toMatchObject({ online: true, address: '192.0.2.1' });
  clock.advance(4 * nextReportMs);
  expect(register.list()[0]).toMatchObject({ online: false, lastSeenAt: expect.any(Number) });
});
