/** The state of a policy for an auditor: as rows of a table, and as a document. */
import { OUTCOMES, type PolicyMatrix, type SeenSums } from '@weir/analysis';
import { csvText } from '../documents/csv-text.ts';
import type { DocumentBlock, ReportDocument, TableCell } from '../documents/document.ts';
import type { PolicyVersion } from './policy-book.ts';

export interface AuditedPolicy {
  readonly name: string;
  readonly version: PolicyVersion;
  readonly fromMs: number;
  readonly toMs: number;
  readonly filter: string;
  readonly matrix: PolicyMatrix;
  /** What limits the figures, beyond the notes of the matrix. */
  readonly notes: readonly string[];
}

/** As the console names them. */
const OUTCOME_TITLES = {
  allowed: 'allowed and seen',
  dropped: 'denied and dropped',
  violation: 'allowed although denied',
  unexplained: 'unexplained',
} as const;

/** Of these no firewall's rule dropped anything. */
const FORWARDED: readonly string[] = ['allowed', 'violation'];

const timeText = (timeMs: number | null): string => (timeMs === null ? '' : new Date(timeMs).toISOString());

/** A row for each cell, service and outcome; what was expected and not seen in rows of its own. */
export function auditCsv({ matrix }: Pick<AuditedPolicy, 'matrix'>): string {
  const rows = matrix.cells.flatMap(({ from, to, services }) =>
    services.flatMap((service) =>
      OUTCOMES.filter((outcome) => service[outcome].connections > 0).map((outcome): TableCell[] => [
        from,
        to,
        service.service,
        OUTCOME_TITLES[outcome],
        ...figures(service[outcome]),
        service.rules.join('; '),
        FORWARDED.includes(outcome) ? '' : service.firewall.join('; '),
      ]),
    ),
  );
  const missing = matrix.expected
    .filter(({ seen }) => seen.connections === 0)
    .map(({ from, to, rule, seen }): TableCell[] => [
      from,
      to,
      '',
      'expected but never seen',
      ...figures(seen),
      rule,
      '',
    ]);
  return csvText(
    [
      'from',
      'to',
      'service',
      'state',
      'connections',
      'answered',
      'flows',
      'packets',
      'octets',
      'first',
      'last',
      'policy rules',
      'firewall rules',
    ],
    [...rows, ...missing],
  );
}

function figures({ connections, answered, records, packets, octets, first, last }: SeenSums): TableCell[] {
  return [connections, answered, records, packets, octets, timeText(first), timeText(last)];
}

export function auditDocument(policy: AuditedPolicy, createdMs: number): ReportDocument {
  const { matrix, name, version, fromMs, toMs, filter } = policy;
  const { totals } = matrix;
  const facts = [
    { name: 'Policy', value: `${name}, version ${version.version} of ${version.at} by ${version.by}` },
    { name: 'Time', value: `${timeText(fromMs)} to ${timeText(toMs)}` },
    ...(filter === '' ? [] : [{ name: 'Only flows with', value: filter }]),
    { name: 'Connections', value: String(matrix.connections) },
    ...OUTCOMES.map((outcome) => ({
      name: OUTCOME_TITLES[outcome],
      value: `${totals[outcome].connections} connections, ${totals[outcome].octets} octets`,
      strong: outcome === 'violation',
    })),
    {
      name: 'Expected but never seen',
      value: String(matrix.expected.filter(({ seen }) => seen.connections === 0).length),
    },
    { name: 'Initiator is a guess', value: `${matrix.unsure} connections` },
  ];
  return {
    title: 'Policy audit',
    subtitle: name,
    createdMs,
    blocks: [
      { kind: 'facts', facts },
      ...[...policy.notes, ...matrix.notes].map(
        (text): DocumentBlock => ({ kind: 'paragraph', text, tone: 'note' }),
      ),
      lines(matrix, 'violation', 'Allowed although denied', 'Nothing passed that the policy denies.'),
      lines(matrix, 'unexplained', 'Unexplained', 'Everything is explained.'),
      expectedTable(matrix),
      rulesTable(matrix),
      firewallTable(matrix),
      lines(matrix, 'dropped', 'Denied and dropped', 'Nothing was dropped.'),
      lines(matrix, 'allowed', 'Allowed and seen', 'Nothing that is allowed was seen.'),
    ],
  };
}

const right = (title: string) => ({ title, align: 'right' as const });

function lines(
  matrix: PolicyMatrix,
  outcome: (typeof OUTCOMES)[number],
  title: string,
  empty: string,
): DocumentBlock {
  const rows = matrix.cells.flatMap(({ from, to, services }) =>
    services
      .filter((service) => service[outcome].connections > 0)
      .map((service): TableCell[] => [
        from,
        to,
        service.service,
        service[outcome].connections,
        service[outcome].octets,
        timeText(service[outcome].last),
        [...service.rules, ...(FORWARDED.includes(outcome) ? [] : service.firewall)]
          .filter((rule) => rule !== '')
          .join(', '),
      ]),
  );
  return {
    kind: 'table',
    title,
    columns: [
      { title: 'From', weight: 1.4 },
      { title: 'To', weight: 1.4 },
      { title: 'Service' },
      right('Connections'),
      right('Octets'),
      { title: 'Last', weight: 1.6 },
      { title: 'Rules', weight: 1.8 },
    ],
    rows,
    empty,
  };
}

function expectedTable({ expected }: PolicyMatrix): DocumentBlock {
  return {
    kind: 'table',
    title: 'Expected traffic',
    columns: [{ title: 'Rule' }, { title: 'From' }, { title: 'To' }, right('Connections'), right('Dropped')],
    rows: expected.map(({ rule, from, to, seen, dropped }) => [
      rule,
      from,
      to,
      seen.connections,
      dropped.connections,
    ]),
    empty: 'No rule expects traffic.',
  };
}

function rulesTable({ rules, byDefault }: PolicyMatrix): DocumentBlock {
  const row = (name: string, action: string, forwarded: SeenSums, dropped: SeenSums): TableCell[] => [
    name,
    action,
    forwarded.connections,
    dropped.connections,
    forwarded.connections + dropped.connections === 0 ? 'never hit' : '',
  ];
  return {
    kind: 'table',
    title: 'Rules of the policy',
    columns: [
      { title: 'Rule', weight: 2 },
      { title: 'Action' },
      right('Passed'),
      right('Dropped'),
      { title: '' },
    ],
    rows: [
      ...rules.map(({ name, action, forwarded, dropped }) => row(name, action, forwarded, dropped)),
      row('(no rule matched)', '', byDefault.forwarded, byDefault.dropped),
    ],
  };
}

function firewallTable({ firewall, firewallNeverHit }: PolicyMatrix): DocumentBlock {
  return {
    kind: 'table',
    title: 'Rules of the firewall, by drop records',
    columns: [
      { title: 'Rule', weight: 2 },
      right('Connections'),
      right('Packets'),
      right('Of these allowed by the policy'),
    ],
    rows: [
      ...firewall.map(({ name, dropped, droppedAllowed }): TableCell[] => [
        name === '' ? '(no name)' : name,
        dropped.connections,
        dropped.packets,
        droppedAllowed.connections,
      ]),
      ...firewallNeverHit.map((name): TableCell[] => [`${name} (never)`, 0, 0, 0]),
    ],
    empty: 'No drop was told of.',
  };
}
