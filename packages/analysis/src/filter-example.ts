/** Filters that show what can be asked: the reference page lists them, and tests hold every engine to them. */

export interface FilterExample {
  readonly filter: string;
  readonly meaning: string;
}

export interface FilterExampleGroup {
  readonly title: string;
  readonly examples: readonly FilterExample[];
}

/** The lists that the examples name, as lines of their files. */
export const EXAMPLE_LISTS: Readonly<Record<string, readonly string[]>> = {
  bad: [
    '# addresses that were seen to attack',
    '198.51.100.7',
    '203.0.113.0/24  # a whole network',
    '2001:db8::/33',
  ],
  web: ['80, 443', '8000-8999'],
};

const example = (filter: string, meaning: string): FilterExample => ({ filter, meaning });

export const FILTER_EXAMPLES: readonly FilterExampleGroup[] = [
  {
    title: 'As tcpdump and nfdump have it',
    examples: [
      example('host 10.0.0.1 and port 53', 'either side has the address, either side the port'),
      example('10.0.0.0/8 tcp', 'conditions side by side: both hold'),
      example('src net 10.0.0.0/8 and not dst net 10.0.0.0/8', 'from inside to outside'),
      example('net 10.0.0.0 255.0.0.0', 'a network by its mask'),
      example('port 80 or 443', 'a bare value repeats the subject before `or`'),
      example('src or dst port 53', 'as `port 53`'),
      example('src and dst net 10.0.0.0/8', 'both sides'),
      example('port in [53 80 443]', 'lists in any brackets, with or without commas'),
      example('dst port 8000-8999', 'a range'),
      example('proto 47 or esp', 'protocols by number or by name'),
      example('ip host 10.0.0.1', '`ip` before a condition: IPv4'),
      example('icmp-type 3 and icmp-code 1', 'types and codes of ICMP'),
      example('flags S and not flags AF', 'of the flags SYN is set, ACK and FIN are not'),
      example('in if 3 and out if 5', 'interfaces by ifIndex'),
      example('router ip 192.0.2.1', 'the exporter'),
      example('next ip 10.0.0.254', 'the next hop'),
      example('src mask 24 or dst mask 24', 'prefix lengths of the routes'),
      example('src as 64500', 'autonomous systems'),
      example('vlan 12 tos 184', 'VLAN and class of service'),
      example('in src mac 00:11:22:33:44:55', 'MAC addresses'),
      example('greater 1500', 'at least so many octets'),
    ],
  },
  {
    title: 'Counters, rates and times',
    examples: [
      example('bytes > 10M', 'K, M, G, T are powers of 1000'),
      example('packets > 1000 and bpp < 80', 'many small packets'),
      example('bps > 1G or pps > 100k', 'rates over the duration of the flow'),
      example('duration > 30s', 'units: ms, s, m, h, d; a bare number is in milliseconds'),
      example('flowEnd >= 2026-05-03T12:00:00Z', 'times in ISO 8601'),
      example('srcPort < dstPort', 'one field against another'),
    ],
  },
  {
    title: 'Typed fields',
    examples: [
      example('SrcAS in (64500, 64501) AND DstPort = 443', 'field names and keywords have no case'),
      example('SrcAddr << 10.0.0.0/8 and DstAddr != 10.0.0.1', '`<<`: in the prefix; `=` does the same'),
      example('SrcCountry = DE and DstCountry != SrcCountry', 'countries by their two letters'),
      example('DstPort NOTIN (80, 443)', 'also `not in`'),
      example('Proto = "TCP" && EType = IPv6', '`&&`, `||` and `!` are and, or, not'),
      example('InIfName like "Gi0/%"', '`%` is any text, `_` one character; `ilike` without regard to case'),
    ],
  },
  {
    title: 'Names, users and policies',
    examples: [
      example('user = "ada"', 'either side; `src user ada` only the source'),
      example('site Vienna and not dst site Vienna', 'from a site to elsewhere'),
      example('host www.example.org', 'what is no address is a host name'),
      example('host ~ "example[.]org$"', 'regular expressions, without look-around'),
      example('net "Office LAN"', 'a network by its name'),
      example('if ~ "^Gi"', 'interfaces by name'),
      example('rule ~ "ssh.*"', 'the rule that decided'),
      example('rule exists and not dstUser exists', 'whether a record has a field'),
      example('dropped', 'forwardingStatus says so, or the firewall denied the flow'),
      example('ForwardingStatus = dropped', 'the state in its top two bits; a number is the whole octet'),
      example('dropReason = trust', 'why a frame was dropped'),
      example('not duplicate', 'records of packets that no other observation point told of before'),
    ],
  },
  {
    title: 'Lists',
    examples: [
      example('@bad', 'an address of the list, either side'),
      example('dst host in @bad', 'one side'),
      example('port @web and not src @bad', 'lists of ports'),
      example('host in (10.0.0.1, 192.0.2.0/24, @bad)', 'lists in lists of values'),
    ],
  },
  {
    title: 'Any Information Element',
    examples: [
      example('observationPointId = 7', 'an element by its IANA name'),
      example('src xip 198.51.100.7', 'translated addresses'),
      example('32473/11 > 5000', 'an element by its enterprise and number'),
      example('sourceTransportPort = 443', 'elements that fill a column are that column'),
    ],
  },
];
