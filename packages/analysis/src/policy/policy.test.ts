import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Address, formatNetwork, networkContains, parseAddress } from '../address.ts';
import { matchesFilter } from '../filter-evaluator.ts';
import { parseFilter } from '../filter-parser.ts';
import { pieceOf } from './interval-classes.ts';
import { comparePolicies, withRule } from './policy-change.ts';
import { checkPolicy, formatPolicyProblem, parsePolicyText, policyOf } from './policy-check.ts';
import { importPolicyCsv } from './policy-csv.ts';
import type { PolicyDocument, PolicyRule } from './policy-document.ts';
import { filterOfClasses } from './policy-filter.ts';
import { createPolicyMatrix, OUTSIDE, shadowedRules } from './policy-matrix.ts';
import {
  formatServiceMember,
  networksOfRange,
  numberOf,
  parseRange,
  parseServiceMember,
} from './policy-member.ts';
import { createPolicySpace, serviceValue } from './policy-space.ts';
import { type ClassRow, createJudge, mergeRows, NOTHING_SEEN } from './policy-verdict.ts';

const POLICY: PolicyDocument = {
  version: 1,
  groups: [
    { name: 'staff', members: ['10.1.0.0/16', 'user:ada'] },
    { name: 'servers', members: ['10.2.0.0/16', '@more'] },
  ],
  services: [{ name: 'web', members: ['tcp/80', 'tcp/443'] }],
  rules: [{ name: 'web', from: ['staff'], to: ['servers'], services: ['web'], action: 'allow' }],
  default: 'deny',
};
const lists = (name: string) => (name === 'more' ? ['10.3.0.1  # one', 'not-an-address'] : undefined);

describe('the file', () => {
  test('is read, and each mistake is told with line, column and what is allowed', () => {
    const text = `{
  "version": 1,
  "groups": [{ "name": "staff", "members": ["10.0.0.0/33"] }],
  "services": [],
  "rules": [
    { "name": "a", "from": ["staf"], "to": ["any"], "services": ["tcp/99999"], "action": "permit" }
  ],
  "default": "deny",
  "extra": 1
}`;
    const { document, problems } = parsePolicyText(text);
    expect(document).toBeUndefined();
    expect(problems.map((problem) => formatPolicyProblem(problem, 'f'))).toEqual([
      'f:9:12: extra: there is no property "extra" (allowed: version, name, comment, groups, services, rules, default)',
      expect.stringMatching(
        /^f:3:45: groups\[0\]\.members\[0\]: found "10\.0\.0\.0\/33"; allowed: an address/,
      ),
      expect.stringMatching(
        /^f:6:29: rules\[0\]\.from\[0\]: there is no group "staf"; did you mean "staff"\?/,
      ),
      expect.stringMatching(/^f:6:66: rules\[0\]\.services\[0\]: there is no service "tcp\/99999"/),
      'f:6:90: rules[0].action: found "permit"; allowed: "allow" or "deny"',
    ]);
    expect(() => policyOf(parsePolicyText(text), 'f')).toThrow(/f:9:12: .*\(and 4 more\)/);
  });

  test('that is no JSON is told where', () => {
    const { problems } = parsePolicyText('{\n  "version": 1\n  "rules": []\n}');
    expect(problems[0]).toMatchObject({ line: 3, column: 3, severity: 'error' });
    expect(parsePolicyText('').problems[0]?.message).toMatch(/^no JSON/);
  });

  test('never breaks the check, whatever it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { document, problems } = checkPolicy({ ...POLICY, rules: value, groups: value });
        expect(document === undefined).toBe(problems.some(({ severity }) => severity === 'error'));
      }),
    );
  });

  test('says what can be said better: empty groups, services without use, rules that decide nothing', () => {
    const { problems } = checkPolicy({
      ...POLICY,
      groups: [...POLICY.groups, { name: 'none', members: [] }],
      services: [...POLICY.services, { name: 'mail', members: ['tcp/25'] }],
    });
    expect(problems.map(({ severity, path }) => [severity, path])).toEqual([
      ['warning', 'groups[2].members'],
      ['warning', 'services[1]'],
    ]);
    const later: PolicyRule = {
      name: 'later',
      from: ['staff'],
      to: ['servers'],
      services: ['tcp/80'],
      action: 'deny',
    };
    const rules = [{ ...POLICY.rules[0]!, services: ['any'] }, later];
    const [space] = createPolicySpace([{ ...POLICY, rules }], lists).policies;
    expect(shadowedRules(space!)).toEqual([{ rule: 1, by: 0 }]);
  });
});

describe('members', () => {
  test.each([
    ['tcp/443', { protocol: 6, from: 443, to: 443 }],
    ['udp/5000-5100', { protocol: 17, from: 5000, to: 5100 }],
    ['icmp/8', { protocol: 1, from: 2048, to: 2303 }],
    ['icmp/3/1', { protocol: 1, from: 769, to: 769 }],
    ['icmp6/128', { protocol: 58, from: 32_768, to: 33_023 }],
    ['gre', { protocol: 47, from: 0, to: 65_535 }],
  ])('%s is read and written', (text, member) => {
    expect(parseServiceMember(text)).toEqual(member);
    expect(formatServiceMember(member)).toBe(text);
  });

  test.each(['tcp/0-70000', 'tcp/90-80', 'gre/5', 'nothing', 'tcp/80/1', 'any'])(
    '%s is no service',
    (text) => {
      expect(parseServiceMember(text)).toBeUndefined();
    },
  );

  test('a range is the fewest prefixes, and these are all of it', () => {
    expect(networksOfRange(parseRange('10.0.0.1-10.0.0.6')!).map(formatNetwork)).toEqual([
      '10.0.0.1',
      '10.0.0.2/31',
      '10.0.0.4/31',
      '10.0.0.6',
    ]);
    const low = numberOf(parseAddress('10.0.0.0')!);
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.nat(700), (from, length, probe) => {
        const addressAt = (at: number): Address => ({ hi: 0n, lo: low + BigInt(at) });
        const networks = networksOfRange({ first: addressAt(from), last: addressAt(from + length) });
        const inside = networks.some((network) => networkContains(network, addressAt(probe)));
        expect(inside).toBe(probe >= from && probe <= from + length);
      }),
    );
  });
});

/** A row of the class that two ends and a service have. */
function rowOf(
  documents: readonly PolicyDocument[],
  from: string,
  to: string,
  port: number,
  part: Partial<ClassRow>,
): ClassRow {
  const space = createPolicySpace(documents, lists);
  const classOf = (text: string) =>
    space.addresses.pieces[pieceOf(space.addresses, numberOf(parseAddress(text)!))] ?? 0;
  return {
    from: classOf(from),
    to: classOf(to),
    service: space.services.pieces[pieceOf(space.services, serviceValue(6, port))] ?? 0,
    fromLabels: [null],
    toLabels: [null],
    related: false,
    rest: false,
    rule: null,
    connections: 1,
    mixed: 0,
    bases: { sessionMark: 1, openingPacket: 0, servicePort: 0, lowerPort: 0, arrival: 0 },
    forwarded: { ...NOTHING_SEEN, connections: 1, records: 2, packets: 3, octets: 400 },
    dropped: NOTHING_SEEN,
    ...part,
  };
}

describe('judging', () => {
  test('the first rule decides, then the default between groups; of others the policy says nothing', () => {
    const space = createPolicySpace([POLICY], lists);
    const judge = createJudge(space, 0);
    const of = (from: string, to: string, port: number) => judge(rowOf([POLICY], from, to, port, {}));
    expect(of('10.1.0.1', '10.2.0.1', 443)).toMatchObject({
      rule: 0,
      action: 'allow',
      known: true,
      service: 'web',
    });
    expect(of('10.1.0.1', '10.3.0.1', 80)).toMatchObject({ rule: 0, action: 'allow' });
    expect(of('10.1.0.1', '10.2.0.1', 22)).toMatchObject({
      rule: undefined,
      action: 'deny',
      service: 'other tcp',
    });
    expect(of('192.0.2.1', '10.2.0.1', 443)).toMatchObject({ rule: undefined, known: false });
    expect(space.notes).toEqual(['list @more, line 2: not-an-address is no address or prefix']);
  });

  test('a label is in its group whatever its address', () => {
    const judge = createJudge(createPolicySpace([POLICY], lists), 0);
    const row = rowOf([POLICY], '192.0.2.1', '10.2.0.1', 443, { fromLabels: ['ada'] });
    expect(judge(row)).toMatchObject({ rule: 0, known: true });
  });

  test('a matrix sums up by cell, and says what it leaves out', () => {
    const space = createPolicySpace([POLICY], lists);
    const matrix = createPolicyMatrix(space, 0, [
      rowOf([POLICY], '10.1.0.1', '10.2.0.1', 443, {}),
      rowOf([POLICY], '10.1.0.1', '10.2.0.1', 22, {}),
      rowOf([POLICY], '10.1.0.1', '192.0.2.1', 22, {}),
      rowOf([POLICY], '10.1.0.1', '10.2.0.1', 22, { rest: true, connections: 9 }),
    ]);
    expect(matrix.cells.map(({ from, to }) => [from, to])).toEqual([
      ['staff', 'servers'],
      ['staff', OUTSIDE],
    ]);
    expect(matrix.totals).toMatchObject({
      allowed: { connections: 1 },
      violation: { connections: 1, octets: 400 },
      unexplained: { connections: 1 },
    });
    expect(matrix.rest).toBe(9);
    expect(matrix.notes[1]).toMatch(/^9 connections are in no cell/);
  });

  test('what several answers say of the same classes is summed up, and judged as one', () => {
    const row = rowOf([POLICY], '10.1.0.1', '10.2.0.1', 443, {});
    const other = { ...row, rule: 'drop', mixed: 1 };
    const merged = mergeRows([row, other, row, row]);
    expect(merged).toEqual([
      {
        ...row,
        connections: 3,
        bases: { ...row.bases, sessionMark: 3 },
        forwarded: { ...row.forwarded, connections: 3, records: 6, packets: 9, octets: 1200 },
      },
      other,
    ]);
  });

  test('a proposed rule: who would be cut off, who let through, and what it would have hit', () => {
    const rule: PolicyRule = {
      name: 'ssh',
      from: ['staff'],
      to: ['servers'],
      services: ['tcp/22'],
      action: 'allow',
    };
    const closed: PolicyRule = {
      name: 'no web',
      from: ['any'],
      to: ['servers'],
      services: ['tcp/443'],
      action: 'deny',
    };
    const after = withRule(withRule(POLICY, rule), closed);
    const documents = [POLICY, after];
    const space = createPolicySpace(documents, lists);
    const dropped = { dropped: { ...NOTHING_SEEN, connections: 2, packets: 5 }, forwarded: NOTHING_SEEN };
    const change = comparePolicies(space, [
      rowOf(documents, '10.1.0.1', '10.2.0.1', 443, {}),
      rowOf(documents, '10.1.0.1', '10.2.0.1', 22, {}),
      rowOf(documents, '10.1.0.1', '10.2.0.1', 22, dropped),
      rowOf(documents, '10.1.0.1', '10.2.0.1', 80, {}),
    ]);
    expect(change).toMatchObject({
      newlyDenied: { connections: 1, octets: 400 },
      newlyAllowed: { connections: 2, packets: 5 },
      legalised: { connections: 1 },
      hits: [
        { rule: 'no web', forwarded: { connections: 1 } },
        { rule: 'ssh', forwarded: { connections: 1 }, dropped: { connections: 2 } },
      ],
    });
    expect(change.lines.map(({ service, before, after: now, was }) => [service, before, now, was])).toEqual([
      ['tcp/22', 'deny', 'allow', 'dropped'],
      ['web', 'allow', 'deny', 'forwarded'],
      ['tcp/22', 'deny', 'allow', 'forwarded'],
    ]);
  });
});

test('the filter of a cell lets through the flows of its classes, both ways, and no others', () => {
  const space = createPolicySpace([POLICY], lists);
  const row = rowOf([POLICY], '10.1.0.1', '10.2.0.1', 443, {});
  const { filter, exact } = filterOfClasses(space, [row], 'forwarded');
  expect(exact).toBe(true);
  const expression = parseFilter(filter);
  const matches = (srcAddr: string, srcPort: number, dstAddr: string, dstPort: number, more = {}) =>
    matchesFilter(expression, { srcAddr, srcPort, dstAddr, dstPort, protocol: 6, ...more });
  expect(matches('10.1.0.1', 5000, '10.2.0.1', 443)).toBe(true);
  expect(matches('10.2.0.1', 80, '10.1.0.1', 5000)).toBe(true);
  expect(matches('10.1.0.1', 5000, '10.2.0.1', 22)).toBe(false);
  expect(matches('10.2.0.1', 5000, '10.1.0.1', 443)).toBe(false);
  expect(matches('192.0.2.1', 5000, '10.2.0.1', 443)).toBe(false);
  expect(matches('10.1.0.1', 5000, '10.2.0.1', 443, { forwardingStatus: 0x80 })).toBe(false);
  expect(matches('10.1.0.1', 5000, '10.2.0.1', 443, { srcUser: 'ada' })).toBe(false);
});

describe('CSV', () => {
  test('becomes rules; unknown names become groups to fill', () => {
    const { document, notes } = importPolicyCsv(
      'name,from,to,service,action,expected,comment\r\n"Web, all",staff,10.2.0.0/16,tcp/80;tcp/443,accept,yes,"say ""hi"""\n# no rule\n,any,Web servers,*,deny,,\n',
    );
    expect(document.rules).toEqual([
      {
        name: 'Web, all',
        from: ['staff'],
        to: ['10.2.0.0/16'],
        services: ['tcp/80', 'tcp/443'],
        action: 'allow',
        expected: true,
        comment: 'say "hi"',
      },
      { name: 'line 4', from: ['any'], to: ['Web servers'], services: ['any'], action: 'deny' },
    ]);
    expect(document.groups.map(({ name }) => name)).toEqual(['staff', 'Web servers']);
    expect(notes).toEqual(['groups that are still empty: staff, Web servers']);
    expect(checkPolicy(document).document).toBeDefined();
  });

  test.each([
    ['', 'line 1'],
    ['name,from,to\n', 'line 1: there is no column "action"'],
    ['from,to,action\na,b,maybe', 'line 2: action: found "maybe"'],
    ['from,to,action\n,b,allow', 'line 2: from: it is empty'],
    ['from,to,service,action\na,b,ssh,allow', 'line 2: service: found "ssh"'],
  ])('%j is refused with its place', (text, message) => {
    expect(() => importPolicyCsv(text)).toThrow(message);
  });
});
