import type { CountRecords } from '@weir/collecting';
import type { FlowStore } from '@weir/storage';

/** Asks the store how many records it has of an exporter, by when they were received. */
export function recordCounter(store: Pick<FlowStore, 'sql'>): CountRecords {
  return async ({ address, observationDomainId, source }, fromMs, toMs) => {
    const { rows } = await store.sql(
      `SELECT count(*) AS records FROM flows JOIN exporters USING (exporterId)
       WHERE receivedAt >= make_timestamp_ms(${Math.round(fromMs)})
         AND receivedAt < make_timestamp_ms(${Math.round(toMs)})
         AND address = ${quoted(address)} AND source = ${quoted(source)}
         AND observationDomainId = ${Math.round(observationDomainId)}`,
    );
    return Number(rows[0]?.['records']);
  };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
