import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chartScale, labelIndexes, thinned } from './chart-scale.ts';
import { csvText } from './csv-text.ts';
import type { ChartBlock, ReportDocument } from './document.ts';
import { htmlDocument } from './html-document.ts';
import { pdfDocument, printable } from './pdf-document.ts';

const chart: ChartBlock = {
  kind: 'chart',
  title: 'Traffic',
  shape: 'line',
  unit: 'Mbit/s',
  labels: ['1', '2', '3'],
  series: [
    { name: 'upper', tone: 'first', values: [2, null, 8], bandTo: 'lower' },
    { name: 'lower', tone: 'second', values: [1, 2, 3] },
  ],
  lines: [{ name: 'commit', value: 9, tone: 'limit' }],
};

const document: ReportDocument = {
  title: 'Statement <script>alert(1)</script>',
  subtitle: 'October 2026',
  createdMs: Date.UTC(2026, 10, 1),
  blocks: [
    { kind: 'heading', text: 'Sums' },
    { kind: 'paragraph', text: 'All of it & more', tone: 'note' },
    { kind: 'facts', facts: [{ name: 'Due', value: '€ 12.50', strong: true }] },
    {
      kind: 'table',
      columns: [
        { title: 'Name', weight: 2 },
        { title: 'Octets', align: 'right' },
      ],
      rows: Array.from({ length: 120 }, (_, index) => [`host ${index} "quoted"`, index]),
    },
    { kind: 'table', columns: [{ title: 'Name' }], rows: [], empty: 'nothing was dropped' },
    chart,
    { ...chart, shape: 'bar', series: [{ name: 'a', tone: 'third', values: [1, 0, null] }] },
  ],
};

test('a cell that a spreadsheet would run is disarmed, numbers stay numbers', () => {
  expect(
    csvText(
      ['name', 'n'],
      [
        ['=1+1', -5],
        ['-5', 1.5],
        ['@SUM(A1)', null],
        ['\t=1', 0],
      ],
    ),
  ).toBe("name,n\r\n'=1+1,-5\r\n-5,1.5\r\n'@SUM(A1),\r\n'\t=1,0\r\n");
  expect(csvText(['a'], [['x,"y"\r\nz']])).toBe('a\r\n"x,""y""\r\nz"\r\n');
});

test('no text begins a formula, whatever it is, and every cell can be read back', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 4 }), (cells) => {
      const [line = ''] = csvText(cells, []).split(/\r\n$/);
      const read = [...`,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,"]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
      );
      expect(read).toHaveLength(cells.length);
      for (const [index, cell] of cells.entries()) {
        expect(read[index]?.replace(/^'/, '')).toBe(cell.replace(/^'/, ''));
        expect(read[index]).not.toMatch(/^(=|\+|@|\t|\r|-(?!\d+(\.\d+)?$))/);
      }
    }),
  );
});

test('a document is the same PDF each time, on as many pages as it needs', async () => {
  const [first, second] = [await pdfDocument(document), await pdfDocument(document)];
  expect(Buffer.from(first).equals(Buffer.from(second))).toBe(true);
  const text = Buffer.from(first).toString('latin1');
  expect(text.startsWith('%PDF-1.')).toBe(true);
  expect(text.match(/\/Type \/Page\n/g)?.length).toBeGreaterThanOrEqual(3);
});

test('characters without a shape in the standard fonts lose their accent, or are question marks', () => {
  expect(printable('Größe € – Košice 東京')).toBe('Größe € – Košice ??');
  expect(printable('Dźwirzyno')).toBe('Dzwirzyno');
});

test('HTML holds nothing that a browser would run', () => {
  const html = htmlDocument(document);
  expect(html).not.toContain('<script');
  expect(html).toContain('&lt;script&gt;');
  expect(html).toContain('nothing was dropped');
  expect(html).toContain('host 1 &quot;quoted&quot;');
});

test('the axis begins at zero, ends at a round number, and holds limits too', () => {
  expect(chartScale(chart)).toEqual({ max: 10, ticks: [0, 2.5, 5, 7.5, 10] });
  expect(chartScale({ ...chart, series: [], lines: [] }).max).toBe(4);
});

test('labels are as many as have room; thinning keeps every peak', () => {
  expect(labelIndexes(3, 8)).toEqual([0, 1, 2]);
  expect(labelIndexes(100, 8)).toEqual([0, 13, 26, 39, 52, 65, 78, 91]);
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 601, maxLength: 3000 }), (values) => {
      const many = { ...chart, labels: values.map(String), series: [{ ...chart.series[0]!, values }] };
      const few = thinned(many);
      expect(few.labels.length).toBeLessThanOrEqual(600);
      expect(Math.max(...few.series[0]!.values.map(Number))).toBe(Math.max(...values));
    }),
  );
});
