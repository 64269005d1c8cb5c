/**
 * The peers of the overlay networks that this machine is in, asked for again and again. A source that fails
 * keeps what it said last: a restarting overlay is no reason to forget who its addresses belong to.
 */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type CancelTimer, type Clock, type Component, type Logger, systemClock } from '@weir/base';
import { readNetBirdStatus } from './netbird-status.ts';
import { PEERS_MAX, type Peer, type PeerStatement } from './peer.ts';
import { readPeerFile } from './peer-file.ts';
import { readTailscaleStatus } from './tailscale-status.ts';
import { readWireGuardStatus } from './wireguard-status.ts';

/** Who is asked. */
export type PeerSource =
  | { readonly kind: 'wireGuard' | 'tailscale' | 'netBird' }
  | { readonly kind: 'file'; readonly path: string };

/** Gives what a program writes to its standard output; rejects when it fails or takes too long. */
export type RunProgram = (program: string, programArguments: readonly string[]) => Promise<string>;

export interface PeerDirectoryDependencies {
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly run?: RunProgram;
  readonly readText?: (path: string) => Promise<string>;
}

export interface PeerDirectoryCounters {
  refreshes: number;
  /** Of one source in one refresh. */
  failures: number;
  changes: number;
  /** Peers left out because there were more than PEERS_MAX. */
  peersRefused: number;
}

/** What became of asking one source. */
export interface PeerSourceState {
  /** The program or the file. */
  readonly name: string;
  /** Peers that it told of when it last answered. */
  readonly peers: number;
  /** Why its last answer is missing; undefined when there is one, or it has not been asked. */
  readonly problem: string | undefined;
}

export interface PeerDirectory extends Component {
  /** As of the last refresh. */
  peers(): readonly Peer[];
  /** Of each source, in the order in which they were given. */
  sources(): readonly PeerSourceState[];
  /** Calls `listener` with all peers when they have changed; at once when there are some already. */
  onChange(listener: (peers: readonly Peer[]) => void): void;
  /** Asks all sources now. `stop` does not wait for their answers; nobody is told of them then. */
  refresh(): Promise<void>;
  counters(): Readonly<PeerDirectoryCounters>;
}

/** Late enough not to be felt by the programs asked, soon enough for a new peer's first flow to be explained. */
const REFRESH_INTERVAL_MS = 15_000;
const PROGRAM_TIMEOUT_MS = 5_000;
/** 10,000 peers of 1 KiB of JSON. */
const OUTPUT_OCTETS_MAX = 16 * 1024 * 1024;
/** WireGuard shakes hands every 2 minutes; only a larger step of time is a change worth telling. */
const LAST_SEEN_STEP_MS = 300_000;

const PROGRAMS = {
  wireGuard: { program: 'wg', programArguments: ['show', 'all', 'dump'], read: readWireGuardStatus },
  tailscale: { program: 'tailscale', programArguments: ['status', '--json'], read: readTailscaleStatus },
  netBird: { program: 'netbird', programArguments: ['status', '--json'], read: readNetBirdStatus },
} as const;

const execFileAsync = promisify(execFile);

async function runProgram(program: string, programArguments: readonly string[]): Promise<string> {
  const { stdout } = await execFileAsync(program, programArguments, {
    timeout: PROGRAM_TIMEOUT_MS,
    maxBuffer: OUTPUT_OCTETS_MAX,
    windowsHide: true,
  });
  return stdout;
}

/** A pipe or a device might never end, and would hold up all sources. */
async function readTextFile(path: string): Promise<string> {
  const file = await stat(path);
  if (!file.isFile()) throw new Error(`${path} is no regular file`);
  if (file.size > OUTPUT_OCTETS_MAX) {
    throw new Error(`${path} has ${file.size} octets (allowed: at most ${OUTPUT_OCTETS_MAX})`);
  }
  return readFile(path, 'utf8');
}

/** Creates a directory of what `sources` say; `start` asks them for the first time. */
export function createPeerDirectory(
  sources: readonly PeerSource[],
  dependencies: PeerDirectoryDependencies,
): PeerDirectory {
  const { logger, clock = systemClock, run = runProgram } = dependencies;
  const { readText = readTextFile } = dependencies;
  const counters: PeerDirectoryCounters = { refreshes: 0, failures: 0, changes: 0, peersRefused: 0 };
  const statements = new Map<PeerSource, readonly PeerStatement[]>();
  const problems = new Map<PeerSource, string>();
  const listeners: ((peers: readonly Peer[]) => void)[] = [];
  let peers: readonly Peer[] = [];
  let refreshing: Promise<void> | undefined;
  let cancelTimer: CancelTimer | undefined;
  let isStopped = false;

  async function ask(source: PeerSource): Promise<void> {
    try {
      statements.set(source, await read(source));
      if (problems.delete(source)) logger.info({ source: nameOf(source) }, 'peers can be read again');
    } catch (error) {
      counters.failures += 1;
      const isNew = !problems.has(source);
      problems.set(source, error instanceof Error ? error.message : String(error));
      if (isNew) logger.warn({ source: nameOf(source), error: String(error) }, 'peers could not be read');
    }
  }

  async function read(source: PeerSource): Promise<PeerStatement[]> {
    if (source.kind === 'file') return readPeerFile(await readText(source.path));
    const { program, programArguments, read: readStatus } = PROGRAMS[source.kind];
    return readStatus(await run(program, programArguments));
  }

  async function refreshNow(): Promise<void> {
    counters.refreshes += 1;
    await Promise.all(sources.map(ask));
    const merged = mergeStatements(sources.flatMap((source) => statements.get(source) ?? []));
    counters.peersRefused += Math.max(0, merged.length - PEERS_MAX);
    const next = withValidity(merged.slice(0, PEERS_MAX), peers, clock.nowMs());
    if (isStopped || !hasChanged(peers, next)) return;
    peers = next;
    counters.changes += 1;
    for (const listener of listeners) listener(peers);
  }

  async function refresh(): Promise<void> {
    refreshing ??= refreshNow().finally(() => {
      refreshing = undefined;
    });
    await refreshing;
  }

  return {
    peers: () => peers,
    sources: () =>
      sources.map((source) => ({
        name: nameOf(source),
        peers: statements.get(source)?.length ?? 0,
        problem: problems.get(source),
      })),
    onChange(listener) {
      listeners.push(listener);
      if (peers.length > 0) listener(peers);
    },
    refresh,
    counters: () => counters,
    async start() {
      if (sources.length === 0) return;
      await refresh();
      if (!isStopped) cancelTimer = clock.every(REFRESH_INTERVAL_MS, () => void refresh());
    },
    async stop() {
      isStopped = true;
      cancelTimer?.();
    },
  };
}

function nameOf(source: PeerSource): string {
  return source.kind === 'file' ? source.path : PROGRAMS[source.kind].program;
}

/** One peer a public key: what the first source that says something of it says, filled up by the others. */
function mergeStatements(all: readonly PeerStatement[]): PeerStatement[] {
  const byKey = new Map<string, PeerStatement>();
  const merged: PeerStatement[] = [];
  for (const statement of all) {
    if (statement.publicKey === '') merged.push(statement);
    else {
      const known = byKey.get(statement.publicKey);
      byKey.set(statement.publicKey, known === undefined ? statement : filledUp(known, statement));
    }
  }
  return [...merged, ...byKey.values()].filter(({ overlayPrefixes }) => overlayPrefixes.length > 0);
}

function filledUp(known: PeerStatement, more: PeerStatement): PeerStatement {
  return {
    name: known.name || more.name,
    user: known.user || more.user,
    tags: known.tags.length > 0 ? known.tags : more.tags,
    publicKey: known.publicKey,
    endpoint: known.endpoint || more.endpoint,
    overlayPrefixes: known.overlayPrefixes.length > 0 ? known.overlayPrefixes : more.overlayPrefixes,
    lastSeenMs: Math.max(known.lastSeenMs, more.lastSeenMs),
  };
}

/** Keeps the time since when a peer has been who it is. */
function withValidity(found: readonly PeerStatement[], before: readonly Peer[], nowMs: number): Peer[] {
  const since = new Map(before.map((peer) => [identityOf(peer), peer.validFromMs]));
  return found.map((statement) => ({
    ...statement,
    validFromMs: since.get(identityOf(statement)) ?? nowMs,
  }));
}

function identityOf({ name, user, tags, publicKey, overlayPrefixes }: PeerStatement): string {
  return JSON.stringify([name, user, tags, publicKey, overlayPrefixes]);
}

function hasChanged(before: readonly Peer[], after: readonly Peer[]): boolean {
  if (before.length !== after.length) return true;
  return after.some((peer, index) => {
    const old = before[index];
    if (old === undefined || identityOf(old) !== identityOf(peer) || old.endpoint !== peer.endpoint)
      return true;
    return Math.abs(peer.lastSeenMs - old.lastSeenMs) >= LAST_SEEN_STEP_MS;
  });
}
