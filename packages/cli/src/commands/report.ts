import { existsSync } from 'node:fs';
import process from 'node:process';
import { createStderrLogger, systemClock, UserError } from '@weir/base';
import {
  ApiError,
  createAnalysisQueue,
  createBilling,
  createCapacity,
  createReportDesk,
  type ReportRun,
} from '@weir/server';
import { openStore } from '@weir/storage';
import { connectService } from '../service-client.ts';

interface ReportOptions {
  readonly data: string;
  readonly json?: true;
}

/** `weir report run`: exit code 1 when the report could not be made. */
export async function run(name: string, options: ReportOptions): Promise<void> {
  const made = await makeReport(name, options.data);
  if (options.json) print(JSON.stringify(made));
  else print(textOf(made, options.data));
  if (made.state === 'failed') process.exitCode = 1;
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** By the process that owns the data folder, or, without mail and alerts, by ourselves. */
async function makeReport(name: string, data: string): Promise<ReportRun> {
  const service = await connectService(data);
  if (service !== undefined) {
    return service
      .ask<ReportRun>('POST', `reports/${encodeURIComponent(name)}/run`)
      .catch((error: unknown) => {
        if (error instanceof ApiError) throw new UserError(error.problem.code, error.message);
        throw error;
      });
  }
  if (!existsSync(data)) {
    throw new UserError('store_missing', `${data}: there is no store (--data says where one is)`);
  }
  const logger = createStderrLogger('report', 'warn');
  const store = await openStore({ dataDirectory: data, logger });
  const queue = createAnalysisQueue({ store, clock: systemClock, logger });
  const shared = { queue, dataDirectory: data, clock: systemClock, logger };
  const billing = createBilling(shared);
  const capacity = createCapacity(shared);
  const alerts = {
    alerts() {
      throw new UserError('report_conflict', 'alerts are known to the running program only');
    },
  };
  const desk = createReportDesk({ ...shared, billing, capacity, alerts });
  try {
    return await desk.runNow(name);
  } finally {
    await desk.stop();
    await store.close();
  }
}

function textOf(made: ReportRun, data: string): string {
  if (made.state === 'failed') return `${made.report}: ${made.error}`;
  const files = made.formats.map((format) => `${data}/reports/kept/${made.report}/${made.id}.${format}`);
  const { state, to, error } = made.delivery;
  const sent =
    state === 'none' ? '' : state === 'sent' ? `\nsent to ${to.join(', ')}` : `\nnot sent yet: ${error}`;
  return files.join('\n') + sent;
}
