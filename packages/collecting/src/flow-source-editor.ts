import { isDeepStrictEqual } from 'node:util';
import { type Logger, UserError } from '@weir/base';
import type { Collector, DeployResult } from './collector.ts';
import { createFlowSource, type FlowSource, flowSourceError, nextMonitoringPort } from './flow-source.ts';
import { type FlowSourceChange, flowSourceChanges } from './flow-source-change.ts';
import type { FlowSourceOrigin } from './flow-source-origin.ts';
import {
  createStagedFile,
  type FlowSourceProblem,
  readStagedSources,
  type StagedFlowSource,
} from './flow-source-staging.ts';
import { acceptedVersions, type FlowSourceType } from './flow-source-type.ts';

/** What is deployed, what is staged, and what lies between. */
export interface FlowSourceState {
  readonly deployed: readonly FlowSource[];
  /** With defaults filled in; a source that a problem names may break the schema anywhere. */
  readonly staged: readonly FlowSource[];
  readonly changes: readonly FlowSourceChange[];
  /** What hinders a deployment, all of it. */
  readonly problems: readonly FlowSourceProblem[];
  /** Why nothing can be staged; undefined when it can. */
  readonly fixedBecause: string | undefined;
}

/** Staged edits of the flow sources of a collector, and their deployment. */
export interface FlowSourceEditor {
  /** Takes up what was staged when the last run ended. */
  start(): Promise<void>;
  state(): FlowSourceState;
  /** Replaces the staged list, which may be unfinished. Rejects with UserError where sources are fixed. */
  stage(sources: readonly StagedFlowSource[]): Promise<FlowSourceState>;
  discard(): Promise<FlowSourceState>;
  /**
   * Makes the staged sources those that run, and writes down which do. What failed stays staged. Rejects with
   * UserError, and does nothing, when there are problems or when it cannot be written down.
   */
  deploy(): Promise<readonly DeployResult[]>;
  /**
   * Deploys what is written down now. Staged edits stay, unless something failed: then what is written down is
   * staged. Rejects with UserError when it cannot be used.
   */
  reload(): Promise<readonly DeployResult[]>;
  /**
   * A source to begin with: from the source of this name, or from the defaults, with a free name and port. Throws
   * UserError when there is no such source.
   */
  propose(type: FlowSourceType | undefined, from: string | undefined): FlowSource;
}

export interface FlowSourceEditorOptions {
  readonly collector: Pick<Collector, 'sources' | 'deploy'>;
  readonly origin: FlowSourceOrigin;
  /** Sources of the collector's own that nobody edits. */
  readonly pinned?: readonly FlowSource[];
  /** Where staged edits are kept over a restart. */
  readonly dataDirectory: string;
  readonly logger: Logger;
}

export function createFlowSourceEditor(options: FlowSourceEditorOptions): FlowSourceEditor {
  const { collector, origin, pinned = [], logger } = options;
  const file = createStagedFile(options.dataDirectory, origin.name, logger);
  /** undefined: nothing is staged. */
  let staged: readonly StagedFlowSource[] | undefined;
  /** One writing at a time. */
  let queue: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = queue.then(work);
    queue = done.catch(() => {});
    return done;
  }

  function deployedSources(): readonly FlowSource[] {
    return collector.sources().filter(({ name }) => !pinned.some((own) => own.name === name));
  }

  function state(): FlowSourceState {
    const deployed = deployedSources();
    const { fixedBecause } = origin;
    if (staged === undefined) return { deployed, staged: deployed, changes: [], problems: [], fixedBecause };
    const { sources, problems } = readStagedSources(staged, pinned);
    return {
      deployed,
      staged: sources,
      changes: flowSourceChanges(deployed, sources),
      problems,
      fixedBecause,
    };
  }

  /** Nothing is staged where it would change nothing. */
  async function keep(sources: readonly StagedFlowSource[] | undefined): Promise<void> {
    staged = sources;
    const now = state();
    if (now.problems.length === 0 && now.changes.length === 0) staged = undefined;
    await file.write(staged);
  }

  async function run(sources: readonly FlowSource[]): Promise<readonly DeployResult[]> {
    const { results } = await collector.deploy([...pinned, ...sources]);
    return results.filter(({ name }) => !pinned.some((own) => own.name === name));
  }

  async function deploy(): Promise<readonly DeployResult[]> {
    checkEditable(origin);
    const { problems, staged: sources } = state();
    const [problem] = problems;
    if (problem !== undefined) throw flowSourceError(problemText(problem));
    await origin.checkSavable();
    const results = await run(sources);
    await origin.save(deployedSources());
    await keep(staged);
    return results;
  }

  return {
    async start() {
      if (origin.fixedBecause !== undefined) return;
      staged = await file.read();
      const { changes, problems } = state();
      if (changes.length === 0 && problems.length === 0) staged = undefined;
      else logger.info(`staged edits of ${changes.length} flow sources wait to be deployed`);
    },
    state,
    stage: (sources) =>
      inTurn(async () => {
        checkEditable(origin);
        await keep(sources);
        return state();
      }),
    discard: () =>
      inTurn(async () => {
        await keep(undefined);
        return state();
      }),
    deploy: () => inTurn(deploy),
    reload: () =>
      inTurn(async () => {
        const sources = origin.read();
        const results = await run(sources);
        await keep(results.some(({ outcome }) => outcome === 'failed') ? sources : staged);
        return results;
      }),
    propose(type, from) {
      const { deployed, staged: sources } = state();
      const all = [...pinned, ...deployed, ...sources];
      const template = from === undefined ? undefined : all.find(({ name }) => name === from);
      if (from !== undefined && template === undefined) {
        throw new UserError('flow_source_unknown', `there is no flow source "${from}"`);
      }
      return proposal(all, template, type ?? template?.type ?? 'Any');
    },
  };
}

function checkEditable({ fixedBecause }: FlowSourceOrigin): void {
  if (fixedBecause !== undefined) throw new UserError('flow_sources_fixed', fixedBecause);
}

function problemText({ source, parameter, message }: FlowSourceProblem): string {
  return `flow source "${source}": ${parameter === '' ? '' : `${parameter}: `}${message}`;
}

function proposal(
  all: readonly FlowSource[],
  template: FlowSource | undefined,
  type: FlowSourceType,
): FlowSource {
  const monitoringPort = nextMonitoringPort(all, type);
  if (monitoringPort === undefined) throw flowSourceError('every port is taken');
  const stem = type === 'Any' ? 'Flows' : type;
  const name = freeName(all, `${stem} ${monitoringPort}`);
  if (template === undefined) return createFlowSource({ name, type, monitoringPort });
  const { tls, connections, sourceFilePath: _path, ...rest } = template;
  const streams = isDeepStrictEqual(acceptedVersions(type), [10]) || type === 'Any';
  const stream = streams && template.transport !== 'udp';
  return {
    ...rest,
    name,
    type,
    monitoringPort,
    transport: stream ? template.transport : 'udp',
    ...(stream && tls !== undefined ? { tls } : {}),
    ...(stream && connections !== undefined ? { connections } : {}),
  };
}

function freeName(all: readonly FlowSource[], wanted: string): string {
  const taken = new Set(all.map(({ name }) => name.toLowerCase()));
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted} ${number}`;
    if (!taken.has(name.toLowerCase())) return name;
  }
}
