/** Charts of a document in a PDF: lines or bars over labels, an axis from zero, a legend. */
import { chartScale, labelIndexes, thinned, tickText } from './chart-scale.ts';
import { type ChartBlock, type ChartSeries, TONE_COLOURS } from './document.ts';
import { contentWidth, needRoom, type Pdf, printable } from './pdf-document.ts';

const HEIGHT = 130;
const AXIS_WIDTH = 46;
const LABELS_MAX = 8;
const GREY = '#475569';
const GRID = '#e2e8f0';

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly max: number;
}

export function drawChart(pdf: Pdf, block: ChartBlock, margin: number): void {
  const chart = thinned(block);
  needRoom(pdf, HEIGHT + 60);
  pdf.font('Helvetica-Bold').fontSize(10).fillColor('#0f172a');
  pdf.text(printable(`${chart.title} (${chart.unit})`), margin);
  const { max, ticks } = chartScale(chart);
  const frame: Frame = {
    left: margin + AXIS_WIDTH,
    top: pdf.y + 6,
    width: contentWidth(pdf) - AXIS_WIDTH,
    max,
  };
  pdf.font('Helvetica').fontSize(7);
  for (const tick of ticks) drawTick(pdf, frame, margin, tick);
  for (const index of labelIndexes(chart.labels.length, LABELS_MAX)) drawLabel(pdf, frame, chart, index);
  for (const series of chart.series) drawBand(pdf, frame, chart, series);
  for (const [index, series] of chart.series.entries()) {
    if (chart.shape === 'bar') drawBars(pdf, frame, chart, series, index);
    else drawLine(pdf, frame, series);
  }
  for (const { value, tone } of chart.lines ?? []) drawLimit(pdf, frame, value, TONE_COLOURS[tone]);
  drawLegend(pdf, frame, chart);
  pdf.x = margin;
}

const yOf = ({ top, max }: Frame, value: number): number => top + HEIGHT - (value / max) * HEIGHT;

function xOf({ left, width }: Frame, count: number, index: number): number {
  return count < 2 ? left + width / 2 : left + (width * index) / (count - 1);
}

function drawTick(pdf: Pdf, frame: Frame, margin: number, tick: number): void {
  const y = yOf(frame, tick);
  pdf
    .moveTo(frame.left, y)
    .lineTo(frame.left + frame.width, y)
    .lineWidth(0.5)
    .strokeColor(GRID)
    .stroke();
  pdf.fillColor(GREY).text(tickText(tick), margin, y - 3, { width: AXIS_WIDTH - 6, align: 'right' });
}

function drawLabel(pdf: Pdf, frame: Frame, { labels, shape }: ChartBlock, index: number): void {
  const slot = frame.width / labels.length;
  const x = shape === 'bar' ? frame.left + slot * index : xOf(frame, labels.length, index);
  const width = shape === 'bar' ? Math.max(slot, frame.width / LABELS_MAX) : frame.width / LABELS_MAX;
  const text = printable(labels[index] ?? '').slice(0, 24);
  pdf.fillColor(GREY).text(text, x, frame.top + HEIGHT + 4, { width, height: 8, ellipsis: true });
}

/** The parts of a line between gaps, as points. */
function runsOf(frame: Frame, { values }: ChartSeries): [number, number][][] {
  const runs: [number, number][][] = [[]];
  for (const [index, value] of values.entries()) {
    if (value === null) runs.push([]);
    else runs[runs.length - 1]!.push([xOf(frame, values.length, index), yOf(frame, value)]);
  }
  return runs.filter((run) => run.length > 0);
}

function drawLine(pdf: Pdf, frame: Frame, series: ChartSeries): void {
  for (const run of runsOf(frame, series)) {
    for (const [index, [x, y]] of run.entries()) index === 0 ? pdf.moveTo(x, y) : pdf.lineTo(x, y);
    if (run.length === 1) pdf.lineTo(run[0]![0] + 0.5, run[0]![1]);
    pdf.lineWidth(0.9).strokeColor(TONE_COLOURS[series.tone]).stroke();
  }
}

function drawBand(pdf: Pdf, frame: Frame, chart: ChartBlock, series: ChartSeries): void {
  const other = chart.series.find(({ name }) => name === series.bandTo);
  if (other === undefined) return;
  const [upper, lower] = [runsOf(frame, series)[0] ?? [], runsOf(frame, other)[0] ?? []];
  const outline = [...upper, ...lower.toReversed()];
  if (outline.length < 3) return;
  for (const [index, [x, y]] of outline.entries()) index === 0 ? pdf.moveTo(x, y) : pdf.lineTo(x, y);
  pdf.closePath().fillOpacity(0.15).fill(TONE_COLOURS[series.tone]).fillOpacity(1);
}

function drawBars(pdf: Pdf, frame: Frame, chart: ChartBlock, series: ChartSeries, place: number): void {
  const slot = frame.width / Math.max(1, chart.labels.length);
  const width = Math.min(40, (slot * 0.8) / chart.series.length);
  for (const [index, value] of series.values.entries()) {
    if (value === null || value <= 0) continue;
    const x = frame.left + slot * index + slot * 0.1 + width * place;
    const y = yOf(frame, value);
    pdf.rect(x, y, width, frame.top + HEIGHT - y).fill(TONE_COLOURS[series.tone]);
  }
}

function drawLimit(pdf: Pdf, frame: Frame, value: number, colour: string): void {
  const y = yOf(frame, value);
  pdf
    .moveTo(frame.left, y)
    .lineTo(frame.left + frame.width, y)
    .lineWidth(0.9)
    .dash(4, { space: 2 });
  pdf.strokeColor(colour).stroke().undash();
}

function drawLegend(pdf: Pdf, frame: Frame, { series, lines = [] }: ChartBlock): void {
  const y = frame.top + HEIGHT + 18;
  let x = frame.left;
  for (const { name, tone } of [...series, ...lines]) {
    const text = printable(name).slice(0, 60);
    const width = pdf.widthOfString(text);
    if (x + width + 20 > frame.left + frame.width) break;
    pdf.rect(x, y + 1, 8, 4).fill(TONE_COLOURS[tone]);
    pdf.fillColor(GREY).text(text, x + 11, y, { lineBreak: false });
    x += width + 24;
  }
  pdf.y = y + 14;
}
