/** Reports that were made, as files in `reports/kept/REPORT/RUN.FORMAT` of the data folder. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '@weir/base';
import { csvText } from '../documents/csv-text.ts';
import type { ReportDocument } from '../documents/document.ts';
import { htmlDocument } from '../documents/html-document.ts';
import { pdfDocument } from '../documents/pdf-document.ts';
import type { ReportFormat, ReportRun } from './report-schema.ts';

export const CONTENT_TYPES: Readonly<Record<ReportFormat, string>> = {
  pdf: 'application/pdf',
  html: 'text/html; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
};

export interface ReportShelf {
  /** Writes a document in each format; resolves with the octets of all. */
  put(run: Pick<ReportRun, 'report' | 'id' | 'formats'>, document: ReportDocument): Promise<number>;
  /** Throws UserError `report_unknown`. */
  get(run: Pick<ReportRun, 'report' | 'id'>, format: ReportFormat): Buffer;
  remove(run: Pick<ReportRun, 'report' | 'id'>): void;
}

export function createReportShelf(dataDirectory: string): ReportShelf {
  const fileOf = ({ report, id }: Pick<ReportRun, 'report' | 'id'>, format: string): string =>
    path.join(dataDirectory, 'reports', 'kept', report, `${id}.${format}`);
  return {
    async put(run, document) {
      let octets = 0;
      for (const format of run.formats) {
        const content = await written(document, format);
        const file = fileOf(run, format);
        mkdirSync(path.dirname(file), { recursive: true });
        await writeFile(file, content, { mode: 0o640 });
        octets += content.length;
      }
      return octets;
    },
    get(run, format) {
      const file = fileOf(run, format);
      if (existsSync(file)) return readFileSync(file);
      throw new UserError('report_unknown', `${run.report} ${run.id} is not kept as ${format}`);
    },
    remove(run) {
      for (const format of Object.keys(CONTENT_TYPES)) rmSync(fileOf(run, format), { force: true });
    },
  };
}

async function written(document: ReportDocument, format: ReportFormat): Promise<Buffer> {
  if (format === 'pdf') return Buffer.from(await pdfDocument(document));
  return Buffer.from(format === 'html' ? htmlDocument(document) : documentCsv(document));
}

/** All tables and charts of a document, each below a line with its heading, an empty line between them. */
export function documentCsv(document: ReportDocument): string {
  const parts: string[] = [];
  let heading = document.title;
  for (const block of document.blocks) {
    if (block.kind === 'heading') heading = block.text;
    if (block.kind === 'facts') {
      parts.push(
        csvText(
          [heading],
          block.facts.map(({ name, value }) => [name, value]),
        ),
      );
    } else if (block.kind === 'table') {
      const titles = block.columns.map(({ title }) => title);
      parts.push(csvText([block.title ?? heading], []) + csvText(titles, block.rows));
    } else if (block.kind === 'chart') {
      const rows = block.labels.map((label, index) => [
        label,
        ...block.series.map(({ values }) => values[index] ?? null),
      ]);
      const names = block.series.map(({ name }) => `${name} (${block.unit})`);
      parts.push(csvText([block.title], []) + csvText(['time', ...names], rows));
    }
  }
  return parts.join('\r\n');
}
