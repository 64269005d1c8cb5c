/** Plans as DuckDB SQL over the relation `flows` and the dimension table `exporters`. */
import { renderGroups } from './duckdb-groups.ts';
import { renderRecords, renderSessions } from './duckdb-records.ts';
import { renderSeries } from './duckdb-series.ts';
import type { RenderedPlan, RenderOptions } from './duckdb-source.ts';
import type { QueryPlan } from './query-plan.ts';

/** Renders a plan. Throws a FilterError when its filter is wrong; a parsed plan's never is. */
export function renderSql(plan: QueryPlan, options: RenderOptions = {}): RenderedPlan {
  switch (plan.kind) {
    case 'groups':
      return renderGroups(plan, options);
    case 'series':
      return renderSeries(plan, options);
    case 'records':
      return renderRecords(plan, options);
    case 'sessions':
      return renderSessions(plan, options);
  }
}
