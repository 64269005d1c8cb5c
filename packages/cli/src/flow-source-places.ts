/** Where the flow sources of a device are written down. */
import path from 'node:path';
import {
  defaultFlowSources,
  type FlowSource,
  type FlowSourceOrigin,
  fixedFlowSources,
  flowSourcesInFile,
} from '@weir/collecting';

/** `DATA/collector.json`, written by the first deployment; until then the sources that exist from the start. */
export function flowSourcesInData(dataDirectory: string): FlowSourceOrigin {
  return flowSourcesInFile(path.join(dataDirectory, 'collector.json'), defaultFlowSources());
}

/** What `--listen` says. */
export function flowSourcesOfListen(sources: readonly FlowSource[]): FlowSourceOrigin {
  return fixedFlowSources(
    sources,
    'the flow sources were given with --listen; start without it to edit them',
  );
}
