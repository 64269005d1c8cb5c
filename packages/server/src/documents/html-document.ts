/** Documents as one HTML file without anything from elsewhere: for mail and for browsers, printed or not. */
import { chartScale, labelIndexes, thinned, tickText } from './chart-scale.ts';
import {
  type ChartBlock,
  type DocumentBlock,
  type ReportDocument,
  type TableBlock,
  TONE_COLOURS,
} from './document.ts';

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;color:#0f172a;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}.sub,.note{color:#475569}
.note{font-size:.85rem}.warning{color:#9f1239}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.25rem .5rem;border-bottom:1px solid #cbd5e1;text-align:left;vertical-align:top;overflow-wrap:anywhere}
.r{text-align:right;font-variant-numeric:tabular-nums}th[scope=row]{font-weight:400;color:#475569;width:42%}svg{width:100%;height:auto}`;

/** A whole page; every text in it is escaped, scripts and addresses of others do not occur. */
export function htmlDocument(document: ReportDocument): string {
  const { title, subtitle, blocks } = document;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${STYLE}</style></head><body>
<h1>${escaped(title)}</h1>${subtitle === undefined ? '' : `<p class="sub">${escaped(subtitle)}</p>`}
${blocks.map(blockHtml).join('\n')}
</body></html>
`;
}

/** For text and for attributes in double quotes. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function blockHtml(block: DocumentBlock): string {
  switch (block.kind) {
    case 'heading':
      return `<h2>${escaped(block.text)}</h2>`;
    case 'paragraph':
      return `<p${block.tone === undefined ? '' : ` class="${block.tone}"`}>${escaped(block.text)}</p>`;
    case 'facts':
      return `<table>${block.facts.map(factHtml).join('')}</table>`;
    case 'table':
      return tableHtml(block);
    case 'chart':
      return chartHtml(thinned(block));
  }
}

function factHtml({ name, value, strong }: { name: string; value: string; strong?: boolean }): string {
  const shown = strong === true ? `<b>${escaped(value)}</b>` : escaped(value);
  return `<tr><th scope="row">${escaped(name)}</th><td>${shown}</td></tr>`;
}

function tableHtml({ title, columns, rows, empty }: TableBlock): string {
  const aligned = columns.map(({ align }) => (align === 'right' ? ' class="r"' : ''));
  const head = columns.map(
    (column, index) => `<th scope="col"${aligned[index]}>${escaped(column.title)}</th>`,
  );
  const body = rows.map((row) => {
    const cells = columns.map((_, index) => `<td${aligned[index]}>${escaped(String(row[index] ?? ''))}</td>`);
    return `<tr>${cells.join('')}</tr>`;
  });
  const none = `<tr><td colspan="${columns.length}">${escaped(empty ?? 'none')}</td></tr>`;
  const heading = title === undefined ? '' : `<h3>${escaped(title)}</h3>`;
  return `${heading}<table><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('') || none}</tbody></table>`;
}

const [WIDTH, HEIGHT, AXIS, TOP] = [720, 186, 50, 6];
const PLOT_HEIGHT = 160;
const LABELS_MAX = 8;

function chartHtml(chart: ChartBlock): string {
  const { max, ticks } = chartScale(chart);
  const count = chart.labels.length;
  const width = WIDTH - AXIS;
  const y = (value: number): number => round(TOP + PLOT_HEIGHT * (1 - value / max));
  const x = (index: number): number => round(AXIS + (count < 2 ? width / 2 : (width * index) / (count - 1)));
  const slot = width / Math.max(1, count);
  const pointsOf = (values: readonly (number | null)[]): string[] =>
    values.flatMap((value, index) => (value === null ? [] : [`${x(index)},${y(value)}`]));
  const grid = ticks.map(
    (tick) =>
      `<line x1="${AXIS}" x2="${WIDTH}" y1="${y(tick)}" y2="${y(tick)}" stroke="#e2e8f0"/><text x="${AXIS - 6}" y="${y(tick) + 3}" text-anchor="end">${tickText(tick)}</text>`,
  );
  const labels = labelIndexes(count, LABELS_MAX).map((index) => {
    const left = chart.shape === 'bar' ? round(AXIS + slot * index) : x(index);
    return `<text x="${left}" y="${TOP + PLOT_HEIGHT + 14}">${escaped((chart.labels[index] ?? '').slice(0, 24))}</text>`;
  });
  const drawn = chart.series.flatMap(({ values, tone, bandTo }, place) => {
    const colour = TONE_COLOURS[tone];
    if (chart.shape === 'bar') {
      const bar = Math.min(40, (slot * 0.8) / chart.series.length);
      return values.map((value, index) => {
        const left = round(AXIS + slot * index + slot * 0.1 + bar * place);
        const top = y(value ?? 0);
        return `<rect x="${left}" y="${top}" width="${round(bar)}" height="${round(TOP + PLOT_HEIGHT - top)}" fill="${colour}"/>`;
      });
    }
    const other = chart.series.find(({ name }) => name === bandTo);
    const outline = other === undefined ? [] : [...pointsOf(values), ...pointsOf(other.values).toReversed()];
    const band = `<polygon points="${outline.join(' ')}" fill="${colour}" opacity=".15"/>`;
    const line = `<polyline points="${pointsOf(values).join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
    return other === undefined ? [line] : [band, line];
  });
  const limits = (chart.lines ?? []).map(
    ({ value, tone }) =>
      `<line x1="${AXIS}" x2="${WIDTH}" y1="${y(value)}" y2="${y(value)}" stroke="${TONE_COLOURS[tone]}" stroke-dasharray="5 3"/>`,
  );
  const title = escaped(`${chart.title} (${chart.unit})`);
  return `<h3>${title}</h3><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}" font-size="10" fill="#475569">${grid.join('')}${labels.join('')}${drawn.join('')}${limits.join('')}</svg>${legendHtml(chart)}`;
}

function legendHtml({ series, lines = [] }: ChartBlock): string {
  const entries = [...series, ...lines].map(
    ({ name, tone }) => `<span style="color:${TONE_COLOURS[tone]}">■</span> ${escaped(name)}`,
  );
  return `<p class="note">${entries.join(' &nbsp; ')}</p>`;
}

const round = (value: number): number => Math.round(value * 10) / 10;
