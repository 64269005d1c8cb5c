/** The reference page of the filter language, from the tables that the parser itself reads. */

import { readFileSync } from 'node:fs';
import {
  EITHER_SIDE,
  EXAMPLE_LISTS,
  FIELDS,
  FILTER_EXAMPLES,
  type FieldDefinition,
  NAMED_MEASURES,
  operatorsOf,
  PHRASES,
  STATE_WORDS,
  SUBJECTS,
} from '@weir/analysis';

const PARSER = new URL('../packages/analysis/src/filter-parser.ts', import.meta.url);

const KINDS: Readonly<Record<FieldDefinition['kind'], string>> = {
  address: 'address or prefix',
  mac: 'MAC address',
  number: 'number',
  counter: 'number with K, M, G, T',
  durationMs: 'duration',
  timeMs: 'time',
  protocol: 'protocol',
  tcpFlags: 'TCP flags',
  named: 'name',
  text: 'text',
  country: 'country',
};

type Row = (cells: readonly string[]) => string;

/** The page without its heading notice; `row` renders a row of a table. */
export function filterReference(row: Row): string {
  return [
    '# The filter language\n',
    INTRODUCTION,
    '\n## Grammar\n',
    '```',
    grammar(),
    '```\n',
    GRAMMAR_NOTES,
    '\n## Examples',
    ...FILTER_EXAMPLES.flatMap(({ title, examples }) => [
      `\n### ${title}\n`,
      ...table(
        row,
        ['filter', 'meaning'],
        examples.map(({ filter, meaning }) => [code(filter), meaning]),
      ),
    ]),
    '\nThe lists of the examples:\n',
    ...Object.entries(EXAMPLE_LISTS).map(
      ([name, lines]) => `\`lists/${name}.txt\`\n\`\`\`\n${lines.join('\n')}\n\`\`\``,
    ),
    '\n## Words for either side\n',
    'Without `src`, `dst`, `in` or `out` before them they mean either side.\n',
    ...table(row, ['word', 'fields', 'meaning'], subjectRows()),
    '\n## Conditions of one word\n',
    'Besides the names of protocols:\n',
    ...table(
      row,
      ['word', 'meaning'],
      [...STATE_WORDS].map(([word, { description }]) => [code(word), description]),
    ),
    '\n## Phrases\n',
    ...table(
      row,
      ['phrase', 'means'],
      PHRASES.map(({ words, fields }) => [code(words.join(' ')), fields.map(code).join(', ')]),
    ),
    '\n## Fields\n',
    'Any Information Element is a field, too, by its IANA name or as `PEN/ID`.\n',
    ...table(row, ['field', 'values', 'operators', 'also', 'meaning'], FIELDS.map(fieldRow)),
    '\n## Dimensions and measures\n',
    DIMENSIONS,
    ...table(
      row,
      ['dimension', 'of'],
      Object.entries(EITHER_SIDE).map(([name, sides]) => [code(name), sides.map(code).join(' and ')]),
    ),
    '',
    ...table(
      row,
      ['measure', 'meaning'],
      [
        ...NAMED_MEASURES.map(({ measure, description }) => [code(measure.name), description]),
        [
          code('count(DIMENSION)'),
          'How many different values the dimension has, such as `count(dstPort)` or `count(srcAddr/24)`',
        ],
      ],
    ),
  ].join('\n');
}

const INTRODUCTION =
  'One language for `weir query`, the console and the API: the short words of tcpdump and nfdump, and typed fields as in SQL. ' +
  'A condition on a field that a record does not have is false; `!=`, `!~` and `not in` are negations and hold for such a record. ' +
  'An error says where it is, what could stand there, and what may have been meant.';

const GRAMMAR_NOTES = [
  '- Operators: `=` (also `==`, `eq`), `!=` (`<>`, `ne`), `<`, `<=`, `>`, `>=` (`lt`, `le`, `gt`, `ge`), `<<` and `!<<` (in a prefix), `~` and `!~` (regular expression), `like`, `unlike`, `ilike`, `iunlike`, `in`, `not in`, `exists`. Without an operator, `=`; for `flags`, all of the given letters are set.',
  '- Comments: `# …` and `-- …` to the end of the line, `/* … */`.',
  '- Texts with spaces, and those that are words of the language, stand in `"…"` or `\'…\'`.',
  '- Lists: `@NAME` is the file `lists/NAME.txt` in the data folder: addresses, prefixes, ports or texts, one or several a line; `#` begins a comment. Thousands of values cost about as much as one.',
].join('\n');

const DIMENSIONS = [
  'What can be grouped by (`--by`): every field but counters and times; addresses cut to a prefix length (`srcAddr/24`, `dstAddr/24/56` for IPv4 and IPv6);',
  'any Information Element; and dimensions of either side, for which a flow counts at its source as sent and at its destination as received:\n',
].join('\n');

/** The grammar as it stands above the parser. */
function grammar(): string {
  const comment = /\n \*\n((?: \* {3}.*\n)+)/.exec(readFileSync(PARSER, 'utf8'))?.[1] ?? '';
  return comment.trimEnd().replaceAll(/^ \* {3}/gm, '');
}

function subjectRows(): string[][] {
  return [...SUBJECTS].map(([word, { sides, named, description }]) => {
    const fields = [...new Set([...sides, ...(named ?? [])])];
    return [code(word), fields.map(code).join(', '), description];
  });
}

function fieldRow(field: FieldDefinition): string[] {
  const values =
    field.valueNames === undefined ? KINDS[field.kind] : Object.values(field.valueNames).join(', ');
  const aliases = field.aliases.map(code).join(' ');
  return [code(field.name), values, operatorsOf(field).map(code).join(' '), aliases, field.description];
}

function table(row: Row, header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [row(header), row(header.map(() => '---')), ...rows.map(row)];
}

function code(text: string): string {
  return `\`${text}\``;
}
