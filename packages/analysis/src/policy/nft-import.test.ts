import { describe, expect, test } from 'vitest';
import { importNftables } from './nft-import.ts';
import { checkPolicy } from './policy-check.ts';

const HOST = { self: ['10.0.0.1', 'fd00::1'], interfaces: { wg0: ['10.99.0.0/24', 'fd99::/64'] } };

/** A ruleset of all that people write, as `nft list ruleset` prints it. */
const TEXT = `table inet filter {
	set admins {
		type ipv4_addr
		flags interval
		elements = { 192.0.2.1, 192.0.2.16-192.0.2.31,
			     198.51.100.0/24 }
	}
	counter blocked {
		packets 7 bytes 420
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		ct state invalid drop
		iifname "lo" accept
		ip saddr @admins tcp dport 22 ct state new counter packets 5 bytes 300 accept comment "ssh for admins"
		tcp dport { 80, 443, 8000-8100 } accept
		iifname "wg0" jump overlay
		icmpv6 type { nd-neighbor-solicit, echo-request } accept
		meta l4proto { tcp, udp } th dport 53 accept
		tcp dport vmap { 25 : drop, 110 : accept }
		limit rate 10/minute log prefix "rest: "
		ip saddr != 10.0.0.0/8 udp dport 161 log prefix "snmp-deny " group 5 reject with icmp port-unreachable
		tcp sport 1024 accept
	}
	chain overlay {
		ip daddr 10.0.0.1 tcp dport 5432 accept
		udp dport 514 counter name "blocked" drop
		return
		tcp dport 1 accept
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		ip saddr 10.1.0.0/16 oifname "wg0" accept
		meta mark 0x00000007 accept
	}
	chain unused {
		tcp dport 9 drop
	}
}
table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "eth0" masquerade
	}
}
`;

const imported = importNftables(TEXT, HOST);
const rule = (name: string) => imported.document.rules.find((each) => each.name === name);
const leftOut = (text: string) => imported.notMapped.find(({ what }) => what.includes(text))?.reason;

describe('the text of nft list ruleset', () => {
  test('becomes a policy that can be used', () => {
    expect(checkPolicy(imported.document).problems.filter(({ severity }) => severity === 'error')).toEqual(
      [],
    );
    expect(imported.document.default).toBe('deny');
  });

  test('sets, intervals, comments, lists of ports', () => {
    expect(rule('ssh for admins')).toMatchObject({
      from: ['admins'],
      to: ['this host'],
      services: ['tcp/22'],
      action: 'allow',
    });
    expect(imported.document.groups).toContainEqual({
      name: 'admins',
      members: ['192.0.2.1', '192.0.2.16/28', '198.51.100.0/24'],
    });
    const web = imported.document.rules.find(({ services }) => services.includes('tcp/443'));
    expect(web).toMatchObject({
      from: ['any'],
      to: ['this host'],
      services: ['tcp/80', 'tcp/443', 'tcp/8000-8100'],
    });
  });

  test('jumps carry their conditions; a rule of one family has addresses of that family', () => {
    const postgres = imported.document.rules.find(({ services }) => services.includes('tcp/5432'));
    expect(postgres).toMatchObject({ to: ['10.0.0.1'], action: 'allow' });
    const syslog = imported.document.rules.find(({ services }) => services.includes('udp/514'));
    expect(syslog).toMatchObject({ from: ['wg0'], to: ['this host'], action: 'deny' });
    expect(imported.document.groups).toContainEqual({ name: 'wg0', members: HOST.interfaces.wg0 });
  });

  test('maps of verdicts, types of ICMP, th, log prefixes, negation, reject', () => {
    const by = (service: string) =>
      imported.document.rules.find(({ services }) => services.includes(service));
    expect(by('tcp/25')?.action).toBe('deny');
    expect(by('tcp/110')?.action).toBe('allow');
    expect(by('icmp6/135')?.services).toEqual(['icmp6/135', 'icmp6/128']);
    expect(by('udp/53')?.services).toEqual(['tcp/53', 'udp/53']);
    const snmp = rule('snmp-deny');
    expect(snmp).toMatchObject({ services: ['udp/161'], action: 'deny', firewall: 'snmp-deny' });
    const group = imported.document.groups.find(({ name }) => name === snmp?.from[0]);
    expect(group?.members).toEqual(['0.0.0.0-9.255.255.255', '11.0.0.0-255.255.255.255']);
  });

  test('policies of chains are the last rules', () => {
    expect(rule('inet filter input policy')).toMatchObject({
      from: ['any'],
      to: ['this host'],
      action: 'deny',
    });
    expect(rule('inet filter forward policy')).toMatchObject({ from: ['any'], to: ['any'], action: 'deny' });
  });

  test('what a policy cannot say is named, with the reason; nothing is lost', () => {
    expect(leftOut('limit rate 10/minute')).toMatch(/nothing like "limit rate/);
    expect(leftOut('tcp sport 1024')).toMatch(/port of the service/);
    expect(leftOut('meta mark')).toMatch(/nothing like "meta mark/);
    expect(leftOut('ct state invalid')).toMatch(/flows do not tell/);
    expect(leftOut('ip nat postrouting')).toMatch(/type nat/);
    expect(leftOut('inet filter unused')).toMatch(/no chain/);
    expect(leftOut('tcp dport 1 accept')).toMatch(/after a return/);
    expect(imported.notes.join()).toMatch(/replies are judged with the connection/);
    const rules = TEXT.split('\n').filter(
      (line) => /\b(accept|drop|masquerade|reject)\b/.test(line) && !/policy/.test(line),
    );
    // Of 18 rules: established is a note, a map is two rules; two policies are rules, too.
    const { document, notMapped } = imported;
    expect(document.rules.length - 1 - 2 + notMapped.length + 1).toBe(rules.length + 1);
  });
});

test('interfaces and addresses that are not given leave empty groups, and say so', () => {
  const { document, notes } = importNftables(TEXT);
  expect(document.groups).toContainEqual({ name: 'this host', members: [] });
  expect(document.groups).toContainEqual({ name: 'wg0', members: [] });
  expect(notes.join()).toMatch(/--self/);
  expect(notes.join()).toMatch(/--interface wg0=/);
});

test('a chain that another decides after is not taken for the last word', () => {
  const text = `table inet a {
  chain early { type filter hook forward priority -10; policy accept;
    ip saddr 10.0.0.1 drop
    tcp dport 22 accept
    tcp dport 23 drop
  }
  chain late { type filter hook forward priority 0; policy accept; tcp dport 22 drop; }
}`;
  const { document, notMapped } = importNftables(text);
  expect(document.rules.map(({ services, from, action }) => [from[0], services[0], action])).toEqual([
    ['10.0.0.1', 'any', 'deny'],
    ['any', 'tcp/22', 'deny'],
    ['any', 'any', 'allow'],
  ]);
  expect(notMapped.map(({ reason }) => reason)).toEqual([
    'what inet a early accepts is decided by inet a late',
    'inet a early accepts a part of it before',
  ]);
});

test('the JSON of the same rules is the same policy', () => {
  const match = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } });
  const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
  const base = { family: 'inet', table: 'f' };
  const json = JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { table: { family: 'inet', name: 'f' } },
      {
        set: {
          ...base,
          name: 'bad',
          type: 'ipv4_addr',
          elem: [
            { prefix: { addr: '10.5.0.0', len: 16 } },
            { range: ['10.6.0.1', '10.6.0.9'] },
            { elem: { val: '10.7.0.1', timeout: 5 } },
          ],
        },
      },
      { chain: { ...base, name: 'fwd', type: 'filter', hook: 'forward', prio: 0, policy: 'accept' } },
      {
        rule: {
          ...base,
          chain: 'fwd',
          handle: 4,
          expr: [
            match(payload('ip', 'saddr'), '@bad'),
            { counter: { packets: 0, bytes: 0 } },
            { log: { prefix: 'bad: ', group: 5 } },
            { drop: null },
          ],
        },
      },
      {
        rule: {
          ...base,
          chain: 'fwd',
          handle: 5,
          comment: 'dns',
          expr: [
            match({ meta: { key: 'l4proto' } }, { set: ['tcp', 'udp'] }),
            match(payload('th', 'dport'), 53),
            { accept: null },
          ],
        },
      },
      {
        rule: {
          ...base,
          chain: 'fwd',
          handle: 6,
          expr: [match({ ct: { key: 'state' } }, ['established', 'related'], 'in'), { accept: null }],
        },
      },
      {
        rule: {
          ...base,
          chain: 'fwd',
          handle: 7,
          expr: [match({ meta: { key: 'mark' } }, 7), { accept: null }],
        },
      },
    ],
  });
  const text = `table inet f {
  set bad { type ipv4_addr; flags interval; elements = { 10.5.0.0/16, 10.6.0.1-10.6.0.9, 10.7.0.1 timeout 5s } }
  chain fwd { type filter hook forward priority 0; policy accept;
    ip saddr @bad counter packets 0 bytes 0 log prefix "bad: " group 5 drop
    meta l4proto { tcp, udp } th dport 53 accept comment "dns"
    ct state established,related accept
    meta mark 7 accept
  }
}`;
  const [one, other] = [importNftables(json), importNftables(text)];
  expect(one.document).toEqual(other.document);
  expect(one.notes).toEqual(other.notes);
  expect(one.notMapped).toHaveLength(1);
  expect(other.notMapped).toHaveLength(1);
});

test.each(['chain x {', 'table inet a { chain b {', 'table inet a { chain b { tcp dport { 1, 2 accept } }'])(
  '%j is refused with its line',
  (text) => {
    expect(() => importNftables(text)).toThrow(/nftables, line 1: /);
  },
);
