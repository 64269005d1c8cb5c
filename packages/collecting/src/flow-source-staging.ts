/** Staged sources: a list as people left it, which may be unfinished. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@weir/base';
import { replaceFile } from '@weir/base';
import { z } from 'zod';
import { createFlowSource, type FlowSource, writtenFlowSourceSchema } from './flow-source.ts';
import { flowSourceBreaches } from './flow-source-check.ts';

/** What keeps a source from being deployed. */
export interface FlowSourceProblem {
  /** Its name, `sources[2]` where it has none; empty for the list as a whole. */
  readonly source: string;
  /** Path of the parameter: `forwarding.destinations.0`; empty for the source as a whole. */
  readonly parameter: string;
  /** What is allowed there. */
  readonly message: string;
}

export interface ReadStagedSources {
  /** With defaults filled in; one that a problem names may break the schema anywhere. */
  readonly sources: readonly FlowSource[];
  /** All of them; empty when the list can be deployed. */
  readonly problems: readonly FlowSourceProblem[];
}

/** One source as somebody wrote it. */
export type StagedFlowSource = Readonly<Record<string, unknown>>;

/** Reads a staged list beside the `pinned` sources, which are not part of it. */
export function readStagedSources(
  staged: readonly StagedFlowSource[],
  pinned: readonly FlowSource[],
): ReadStagedSources {
  const results = staged.map((source) => writtenFlowSourceSchema.safeParse(source));
  const valid = results.flatMap(({ success, data }, index) => (success ? [{ source: data, index }] : []));
  const problems = results.flatMap(({ error }, index) =>
    (error?.issues ?? []).flatMap((issue) => issueProblems(issue, nameOf(staged[index], index))),
  );
  const checked = [...pinned, ...valid.map(({ source }) => source)];
  for (const { path, message } of flowSourceBreaches(checked)) {
    const [place, ...parameter] = path;
    const source = typeof place === 'number' ? (checked[place]?.name ?? '') : '';
    problems.push({ source, parameter: parameter.join('.'), message });
  }
  const sources = results.map(({ data }, index) => data ?? withDefaults(staged[index] ?? {}));
  return { sources, problems };
}

function issueProblems(issue: z.core.$ZodIssue, source: string): FlowSourceProblem[] {
  const parameter = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys')
    return [{ source, parameter, message: `allowed: ${issue.message}` }];
  return issue.keys.map((key) => ({
    source,
    parameter: [...issue.path.map(String), key].join('.'),
    message: 'there is no such parameter',
  }));
}

function nameOf(source: StagedFlowSource | undefined, index: number): string {
  const name = source?.['name'];
  return typeof name === 'string' && name !== '' ? name : `sources[${index}]`;
}

/** An unfinished source in the shape of a finished one: what was not said has its default. */
function withDefaults(source: StagedFlowSource): FlowSource {
  const { forwarding, ...defaults } = createFlowSource({ name: 'unnamed', monitoringPort: 1 });
  const said = source['forwarding'];
  const merged = {
    ...defaults,
    name: '',
    monitoringPort: null,
    ...source,
    forwarding: typeof said === 'object' && said !== null ? { ...forwarding, ...said } : forwarding,
  };
  // Not what the type promises: only people see it, and `problems` says what is wrong with it.
  return merged as unknown as FlowSource;
}

const FILE_NAME = 'flow-sources.staged.json';
const fileSchema = z.object({ of: z.string(), sources: z.array(z.record(z.string(), z.unknown())) });

/** Keeps staged edits over a restart, in a data directory. */
export interface StagedFile {
  /** undefined where nothing is staged for this origin. A file that cannot be used is logged and left out. */
  read(): Promise<readonly StagedFlowSource[] | undefined>;
  /** undefined removes the file. */
  write(staged: readonly StagedFlowSource[] | undefined): Promise<void>;
}

/** `origin` names what the edits are of: those of another configuration are not taken for this one's. */
export function createStagedFile(dataDirectory: string, origin: string, logger: Logger): StagedFile {
  const path = join(dataDirectory, FILE_NAME);
  return {
    async read() {
      try {
        const { of, sources } = fileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
        return of === origin ? sources : undefined;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        logger.warn({ path, error: String(error).split('\n')[0] }, 'the staged edits cannot be used');
        return undefined;
      }
    },
    async write(staged) {
      if (staged === undefined) await rm(path, { force: true });
      else await replaceFile(path, `${JSON.stringify({ of: origin, sources: staged }, null, 2)}\n`);
    },
  };
}
