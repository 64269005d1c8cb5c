/** Documents as PDF, A4, in the fonts that every reader has. */
import type PDFKit from 'pdfkit';
import type { DocumentBlock, FactsBlock, ReportDocument, TableBlock, TableCell } from './document.ts';
import { drawChart } from './pdf-chart.ts';

const MARGIN = 48;
const BODY_SIZE = 9;
const TABLE_SIZE = 8;
const ROW_PADDING = 3;
/** A table of 20,000 rows is 400 pages; whoever needs more reads the CSV. */
const TABLE_ROWS_MAX = 20_000;
/** A cell that goes on and on would be a page. */
const CELL_CHARACTERS_MAX = 400;
const INK = '#0f172a';
const GREY = '#475569';
const RULE = '#cbd5e1';
const WARNING = '#9f1239';

export type Pdf = InstanceType<typeof PDFKit>;

/**
 * Resolves with the octets of the PDF: the same document gives the same octets. Characters that the standard fonts do
 * not have (beyond Windows code page 1252) are written as `?`.
 */
export async function pdfDocument(document: ReportDocument): Promise<Uint8Array> {
  const { title, createdMs } = document;
  // Loaded when there is something to draw: a start without it takes 0.1 CPU seconds less.
  const { default: Drawing } = await import('pdfkit');
  const pdf = new Drawing({
    size: 'A4',
    margin: MARGIN,
    bufferPages: true,
    lang: 'en',
    displayTitle: true,
    info: { Title: printable(title), Creator: 'Weir', Producer: 'Weir', CreationDate: new Date(createdMs) },
  });
  const octets = new Promise<Uint8Array>((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    pdf.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    pdf.on('end', () => resolve(new Uint8Array(Buffer.concat(chunks))));
    pdf.on('error', reject);
  });
  drawTitle(pdf, document);
  for (const block of document.blocks) drawBlock(pdf, block);
  numberPages(pdf, document);
  pdf.end();
  return octets;
}

/** What the standard fonts can show: Latin letters and the signs of code page 1252. */
export function printable(text: string): string {
  return [...text.normalize('NFC')].map(shapeOf).join('');
}

/** The letter itself, or without its accent, or a question mark. */
function shapeOf(character: string): string {
  const [base = ''] = character.normalize('NFD');
  return [character, base].find(isWinAnsi) ?? '?';
}

const WIN_ANSI_SIGNS = '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ\n';

function isWinAnsi(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return (
    (code >= 0x20 && code < 0x7f) || (code >= 0xa0 && code <= 0xff) || WIN_ANSI_SIGNS.includes(character)
  );
}

export const contentWidth = (pdf: Pdf): number => pdf.page.width - 2 * MARGIN;

/** Begins a page when less than `height` points are left on this one. */
export function needRoom(pdf: Pdf, height: number): void {
  if (pdf.y + height > pdf.page.height - MARGIN) pdf.addPage();
}

function drawTitle(pdf: Pdf, { title, subtitle }: ReportDocument): void {
  pdf.font('Helvetica-Bold').fontSize(18).fillColor(INK).text(printable(title));
  if (subtitle !== undefined) {
    pdf.moveDown(0.2).font('Helvetica').fontSize(10).fillColor(GREY).text(printable(subtitle));
  }
  pdf.moveDown(0.8);
}

function drawBlock(pdf: Pdf, block: DocumentBlock): void {
  switch (block.kind) {
    case 'heading':
      needRoom(pdf, 60);
      pdf
        .moveDown(0.6)
        .font('Helvetica-Bold')
        .fontSize(13)
        .fillColor(INK)
        .text(printable(block.text), MARGIN);
      pdf.moveDown(0.4);
      return;
    case 'paragraph':
      pdf
        .font('Helvetica')
        .fontSize(block.tone === 'note' ? 8 : BODY_SIZE)
        .fillColor(block.tone === 'warning' ? WARNING : block.tone === 'note' ? GREY : INK)
        .text(printable(block.text), MARGIN, pdf.y, { width: contentWidth(pdf) });
      pdf.moveDown(0.6);
      return;
    case 'facts':
      drawFacts(pdf, block);
      return;
    case 'table':
      drawTable(pdf, block);
      return;
    case 'chart':
      drawChart(pdf, block, MARGIN);
      pdf.moveDown(0.6);
  }
}

function drawFacts(pdf: Pdf, { facts }: FactsBlock): void {
  const nameWidth = contentWidth(pdf) * 0.42;
  const valueWidth = contentWidth(pdf) - nameWidth - 8;
  for (const { name, value, strong } of facts) {
    const font = strong === true ? 'Helvetica-Bold' : 'Helvetica';
    pdf.font(font).fontSize(BODY_SIZE);
    const texts = [printable(name), printable(value)] as const;
    const height = Math.max(
      pdf.heightOfString(texts[0], { width: nameWidth }),
      pdf.heightOfString(texts[1], { width: valueWidth }),
    );
    needRoom(pdf, height + ROW_PADDING);
    const top = pdf.y;
    pdf.fillColor(GREY).text(texts[0], MARGIN, top, { width: nameWidth });
    pdf.fillColor(INK).text(texts[1], MARGIN + nameWidth + 8, top, { width: valueWidth });
    pdf.y = top + height + ROW_PADDING;
  }
  pdf.x = MARGIN;
  pdf.moveDown(0.6);
}

function drawTable(pdf: Pdf, table: TableBlock): void {
  if (table.title !== undefined) {
    needRoom(pdf, 50);
    pdf.font('Helvetica-Bold').fontSize(10).fillColor(INK).text(printable(table.title), MARGIN);
    pdf.moveDown(0.3);
  }
  const widths = columnWidths(pdf, table);
  const titles = table.columns.map(({ title }) => title);
  drawRow(pdf, table, widths, titles, 'Helvetica-Bold');
  const rows = table.rows.slice(0, TABLE_ROWS_MAX);
  for (const row of rows) {
    if (pdf.y + rowHeight(pdf, widths, row) > pdf.page.height - MARGIN) {
      pdf.addPage();
      drawRow(pdf, table, widths, titles, 'Helvetica-Bold');
    }
    drawRow(pdf, table, widths, row, 'Helvetica');
  }
  const left = table.rows.length - rows.length;
  const remark =
    rows.length === 0 ? (table.empty ?? 'none') : left > 0 ? `${left} more rows: see the CSV` : '';
  pdf.x = MARGIN;
  if (remark !== '') {
    pdf
      .font('Helvetica')
      .fontSize(TABLE_SIZE)
      .fillColor(GREY)
      .text(printable(remark), MARGIN, pdf.y + ROW_PADDING);
  }
  pdf.moveDown(0.8);
}

function columnWidths(pdf: Pdf, { columns }: TableBlock): number[] {
  const sum = columns.reduce((total, { weight = 1 }) => total + weight, 0);
  return columns.map(({ weight = 1 }) => (contentWidth(pdf) * weight) / sum);
}

function cellText(value: TableCell): string {
  const text = value === null ? '' : printable(String(value));
  return text.length > CELL_CHARACTERS_MAX ? `${text.slice(0, CELL_CHARACTERS_MAX - 1)}…` : text;
}

function rowHeight(pdf: Pdf, widths: readonly number[], row: readonly TableCell[]): number {
  const heights = widths.map((width, index) =>
    pdf.heightOfString(cellText(row[index] ?? null), { width: width - 6 }),
  );
  return Math.max(...heights, TABLE_SIZE) + 2 * ROW_PADDING;
}

function drawRow(
  pdf: Pdf,
  { columns }: TableBlock,
  widths: readonly number[],
  row: readonly TableCell[],
  font: string,
): void {
  pdf.font(font).fontSize(TABLE_SIZE).fillColor(INK);
  const height = rowHeight(pdf, widths, row);
  needRoom(pdf, height);
  const top = pdf.y;
  let left = MARGIN;
  for (const [index, width] of widths.entries()) {
    const align = columns[index]?.align ?? 'left';
    pdf.text(cellText(row[index] ?? null), left + 3, top + ROW_PADDING, { width: width - 6, align });
    left += width;
  }
  pdf
    .moveTo(MARGIN, top + height)
    .lineTo(left, top + height)
    .lineWidth(0.5)
    .strokeColor(RULE)
    .stroke();
  pdf.y = top + height;
}

/** The foot of every page, when it is known how many there are. */
function numberPages(pdf: Pdf, { title }: ReportDocument): void {
  const { start, count } = pdf.bufferedPageRange();
  for (let index = start; index < start + count; index++) {
    pdf.switchToPage(index);
    const foot = pdf.page.height - MARGIN + 14;
    pdf.page.margins.bottom = 0;
    pdf.font('Helvetica').fontSize(7).fillColor(GREY);
    pdf.text(printable(title), MARGIN, foot, { width: contentWidth(pdf) - 80, lineBreak: false });
    pdf.text(`${index + 1} / ${count}`, MARGIN, foot, { width: contentWidth(pdf), align: 'right' });
    pdf.page.margins.bottom = MARGIN;
  }
}
