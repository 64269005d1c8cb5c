import { isDeepStrictEqual } from 'node:util';
import type { FlowSource } from './flow-source.ts';

/** A parameter whose value differs; an object is taken apart, a list is one value. */
export interface ParameterChange {
  /** Names joined by dots: `forwarding.port`. */
  readonly path: string;
  /** undefined where the parameter is not there. */
  readonly from: unknown;
  readonly to: unknown;
}

/** What a deployment would do to one source. */
export interface FlowSourceChange {
  readonly kind: 'added' | 'removed' | 'changed' | 'enabled' | 'disabled';
  /** As it will be called; a former name stands in `parameters`. */
  readonly name: string;
  readonly parameters: readonly ParameterChange[];
  /** Whether a listener that runs is stopped and another one started: its socket is closed for a moment. */
  readonly restarts: boolean;
}

/** Parameters that a listener takes up while it goes on: nothing is received otherwise because of them. */
const ADAPTABLE: ReadonlySet<string> = new Set(['alarms', 'asymmetricFlows', 'forwarding', 'sessions']);

/** Whether a listener can go on as the other source, its socket open all the time. */
export function isAdaptable(before: FlowSource, after: FlowSource): boolean {
  return isDeepStrictEqual(received(before), received(after));
}

/** What decides from whom, how and as what a source receives. */
function received(source: FlowSource): object {
  return Object.fromEntries(Object.entries(source).filter(([key]) => !ADAPTABLE.has(key)));
}

/** A source before and after; one of them is undefined where it is added or removed. */
export interface FlowSourcePair {
  readonly before: FlowSource | undefined;
  readonly after: FlowSource | undefined;
}

/**
 * Which source becomes which: those of one name, then those on one socket (renamed), in the order of `after`,
 * then those that are removed.
 */
export function pairFlowSources(
  before: readonly FlowSource[],
  after: readonly FlowSource[],
): FlowSourcePair[] {
  const left = new Set(before);
  const pairs = after.map((source) => {
    const namesake = [...left].find(({ name }) => name === source.name);
    if (namesake !== undefined) left.delete(namesake);
    return { before: namesake as FlowSource | undefined, after: source };
  });
  for (const pair of pairs) {
    if (pair.before !== undefined) continue;
    pair.before = [...left].find((candidate) => isOfOneInput(candidate, pair.after));
    if (pair.before !== undefined) left.delete(pair.before);
  }
  return [...pairs, ...[...left].map((source) => ({ before: source, after: undefined }))];
}

/** Every difference, one entry a source; empty when a deployment would do nothing. */
export function flowSourceChanges(
  before: readonly FlowSource[],
  after: readonly FlowSource[],
): FlowSourceChange[] {
  return pairFlowSources(before, after)
    .filter((pair) => !isDeepStrictEqual(pair.before, pair.after))
    .map(describeChange);
}

function describeChange({ before, after }: FlowSourcePair): FlowSourceChange {
  const parameters = parameterChanges(before ?? {}, after ?? {}, '');
  const name = after?.name ?? before?.name ?? '';
  const restarts = before?.enabled === true && after?.enabled === true && !isAdaptable(before, after);
  return { kind: kindOf(before, after), name, parameters, restarts };
}

function kindOf(before: FlowSource | undefined, after: FlowSource | undefined): FlowSourceChange['kind'] {
  if (before === undefined) return 'added';
  if (after === undefined) return 'removed';
  if (before.enabled === after.enabled) return 'changed';
  return after.enabled ? 'enabled' : 'disabled';
}

function parameterChanges(before: object, after: object, prefix: string): ParameterChange[] {
  const [from, to] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const keys = new Set([...from.keys(), ...to.keys()]);
  return [...keys].flatMap((key): ParameterChange[] => {
    const [old, fresh] = [from.get(key) as unknown, to.get(key) as unknown];
    if (isDeepStrictEqual(old, fresh)) return [];
    const path = `${prefix}${key}`;
    if (isObject(old) || isObject(fresh)) {
      return parameterChanges(isObject(old) ? old : {}, isObject(fresh) ? fresh : {}, `${path}.`);
    }
    return [{ path, from: old, to: fresh }];
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOfOneInput(one: FlowSource, other: FlowSource): boolean {
  if (one.sourceFilePath !== undefined) return one.sourceFilePath === other.sourceFilePath;
  return (
    other.sourceFilePath === undefined &&
    (one.transport === 'udp') === (other.transport === 'udp') &&
    one.monitoringPort !== 0 &&
    one.monitoringPort === other.monitoringPort &&
    one.monitoringAddress === other.monitoringAddress &&
    one.monitoringInterface === other.monitoringInterface
  );
}
