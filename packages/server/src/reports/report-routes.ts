/** `/reports`: definitions, runs, files of what is kept. */
import { nextDue } from '@weir/analysis';
import { z } from 'zod';
import type { ApiTopic } from '../analyses/api-topic.ts';
import { describeBody, describeRoute } from '../query-routes.ts';
import {
  REPORT_FORMATS,
  reportRequestSchema,
  reportSchema,
  reportsAnswerSchema,
  runSchema,
} from './report-schema.ts';
import { CONTENT_TYPES } from './report-shelf.ts';
import type { ReportDesk } from './reports.ts';

const reportParameters = z.object({ id: z.string().max(80) });
const fileParameters = reportParameters.extend({ run: z.string().max(40), format: z.enum(REPORT_FORMATS) });

export function createReportTopic(desk: ReportDesk, nowMs: () => number): ApiTopic {
  const idOf = (params: unknown): string => reportParameters.parse(params).id;
  return {
    addRoutes(api) {
      api.get(
        '/reports',
        describeRoute('Reports and what was made of them', undefined, reportsAnswerSchema),
        () => ({
          reports: desk.reports().map((report) => ({
            ...report,
            nextDueMs: report.enabled ? nextDue(report.schedule, nowMs()) : null,
            runs: desk.runs(report.id),
            running: desk.isRunning(report.id),
          })),
          mail: desk.canSend(),
        }),
      );
      api.post('/reports', describeBody('Adds a report', reportRequestSchema, reportSchema), (request) =>
        desk.create(request.body),
      );
      api.put(
        '/reports/:id',
        describeBody('Changes a report', reportRequestSchema, reportSchema),
        (request) => desk.change(idOf(request.params), request.body),
      );
      api.delete(
        '/reports/:id',
        describeRoute('Removes a report and what is kept of it', undefined, z.object({})),
        async (request) => {
          await desk.remove(idOf(request.params));
          return {};
        },
      );
      api.post(
        '/reports/:id/run',
        describeRoute('Makes a report now; answers when it is made', undefined, runSchema),
        (request) => desk.runNow(idOf(request.params)),
      );
      api.get(
        '/reports/:id/runs/:run/:format',
        describeRoute('A report that is kept', undefined, z.string()),
        (request, reply) => {
          const { id, run, format } = fileParameters.parse(request.params);
          const octets = desk.file(id, run, format);
          // HTML too is a file to save: nothing that a report holds runs where the console does.
          reply.header(
            'content-disposition',
            `attachment; filename="${desk.report(id).id}-${run}.${format}"`,
          );
          return reply.type(CONTENT_TYPES[format]).send(octets);
        },
      );
    },
  };
}
