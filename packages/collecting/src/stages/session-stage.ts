/**
 * Marks the records of both directions of a conversation with one `sessionId`, says who began it, and marks
 * records of packets that another observation point told of already (docs/decisions/0008). Records are
 * neither held back nor merged.
 *
 * Hot file: typed-array reads are asserted (`!`); rows are below the batch's capacity.
 */
import { randomBytes } from 'node:crypto';
import { FLOW_COLUMN_INDEX, type FlowBatch, setPresent } from '@weir/ipfix';
import type { BatchStage } from './batch-stage.ts';
import { decideDirection, ruleOf, STATED, statedByBiflow } from './direction-rule.ts';
import {
  DIRECTION_EGRESS,
  DIRECTION_UNSAID,
  EXPORTERS_MAX,
  ObservationPoints,
} from './observation-points.ts';
import {
  bitmapOf,
  FLAG_BIFLOW,
  FLAG_ENDED,
  FLAG_HAS_KEY,
  RECORDS_AT_ONCE,
  SessionRecords,
} from './session-records.ts';
import { SessionTable, type SessionTableCounters, TICK_MS } from './session-table.ts';

/** An exporter's active timeout is learned from its longest records, up to the longest that is in use. */
const ACTIVE_TIMEOUT_MS_MAX = 1_800_000;
/** A flow that goes on may be silent for an idle timeout before its next record: a minute, or an active timeout. */
const IDLE_TIMEOUT_MS_USUAL = 60_000;
/** Of an exporter that does not say why a record ended: so near to its longest one the flow goes on. */
const ACTIVE_SHARE = 0.9;
const END_REASON_ACTIVE = 2;
const END_REASON_END_OF_FLOW = 3;
/** Of a row without biflowDirection: RFC 5103 section 6.3 has 0 for "arbitrary". */
export const BIFLOW_DIRECTION_ABSENT = 255;

export interface SessionSettings {
  /** Whether `sessionId`, `sessionSide` and `directionRule` are set. */
  readonly pairing: boolean;
  /** Whether `duplicate` is set. */
  readonly deduplication: boolean;
  readonly windowSeconds: number;
  readonly sessionsMax: number;
  /** Pair across all exporters of the source; else each exporter has sessions of its own. */
  readonly acrossExporters: boolean;
}

export interface SessionStageCounters extends SessionTableCounters {
  records: number;
  observationPoints: number;
}

export interface SessionStage extends BatchStage {
  counters(): SessionStageCounters;
}

export interface SessionStageInput {
  /** Of each row of the batch that is at work; another stage fills it. */
  biflowDirections?: Uint8Array;
  /** Random by default. */
  seed?: readonly [number, number];
}

export function createSessionStage(settings: SessionSettings, input: SessionStageInput = {}): SessionStage {
  const marker = new SessionMarker(settings, input);
  return {
    apply: (batch, from, to) => marker.apply(batch, from, to),
    counters: () => marker.counters(),
  };
}

class SessionMarker {
  readonly #settings: SessionSettings;
  /** Those that are set. */
  readonly #columns: readonly number[];
  readonly #biflowDirections: Uint8Array | undefined;
  readonly #points = new ObservationPoints();
  readonly #table: SessionTable;
  readonly #records = new SessionRecords();
  /** Longest record of each exporter, capped. */
  readonly #activeMs = new Float64Array(EXPORTERS_MAX);
  readonly #windowMs: number;
  /** Number of each exporter of the batch. */
  #exporterNumbers = new Uint16Array(64);
  #count = 0;

  constructor(settings: SessionSettings, { biflowDirections, seed = randomSeed() }: SessionStageInput) {
    const { windowSeconds, sessionsMax } = settings;
    this.#settings = settings;
    this.#columns = [
      ...(settings.pairing ? PAIRING_COLUMNS : []),
      ...(settings.deduplication ? [FLOW_COLUMN_INDEX.duplicate] : []),
    ];
    this.#biflowDirections = biflowDirections;
    this.#windowMs = windowSeconds * 1000;
    this.#table = new SessionTable({ sessionsMax, windowMs: this.#windowMs, seed, points: this.#points });
  }

  counters(): SessionStageCounters {
    return { ...this.#table.counters, records: this.#count, observationPoints: this.#points.count };
  }

  apply(batch: FlowBatch, from: number, to: number): void {
    this.#numberExporters(batch);
    for (let row = from; row < to; row += RECORDS_AT_ONCE) {
      this.#applyChunk(batch, row, Math.min(row + RECORDS_AT_ONCE, to));
    }
  }

  #numberExporters({ exporters }: FlowBatch): void {
    if (exporters.length > this.#exporterNumbers.length) {
      this.#exporterNumbers = new Uint16Array(exporters.length * 2);
    }
    for (let index = 0; index < exporters.length; index += 1) {
      this.#exporterNumbers[index] = this.#points.exporterNumber(exporters[index]!);
    }
  }

  #applyChunk(batch: FlowBatch, from: number, to: number): void {
    this.#count += to - from;
    this.#records.readKeys(batch, from, to, this.#table.seed);
    this.#readPoints(batch, from, to);
    this.#readTimes(batch, from, to);
    this.#table.take(this.#records, to - from, (index) => this.#decide(batch, from + index, index));
    this.#write(batch, from, to);
  }

  #readPoints({ columns, validity }: FlowBatch, from: number, to: number): void {
    const { exporter, direction, inIf, outIf } = columns;
    const hasDirection = bitmapOf(validity, 'direction');
    const hasIn = bitmapOf(validity, 'inIf');
    const hasOut = bitmapOf(validity, 'outIf');
    const { exporters, points } = this.#records;
    const numbers = this.#exporterNumbers;
    for (let row = from; row < to; row += 1) {
      const byte = row >> 3;
      const bit = 1 << (row & 7);
      const number = numbers[exporter[row]!]!;
      const way = (hasDirection[byte]! & bit) !== 0 ? direction[row]! & 1 : DIRECTION_UNSAID;
      const isEgress = way === DIRECTION_EGRESS;
      const hasInterface = ((isEgress ? hasOut : hasIn)[byte]! & bit) !== 0;
      const interfaceIndex = hasInterface ? (isEgress ? outIf : inIf)[row]! | 0 : 0;
      exporters[row - from] = number;
      points[row - from] = this.#points.pointNumber(number, way, interfaceIndex);
    }
  }

  #readTimes({ columns, validity }: FlowBatch, from: number, to: number): void {
    const { receivedAt, flowStart, flowEnd, endReason } = columns;
    const hasStart = bitmapOf(validity, 'flowStart');
    const hasEnd = bitmapOf(validity, 'flowEnd');
    const hasReason = bitmapOf(validity, 'endReason');
    const { received, starts, ends, allowances, exporters, flags } = this.#records;
    const baseMs = this.#table.baseMs(timeOf(receivedAt, from));
    let receivedMs = 0;
    let receivedTick = 0;
    for (let row = from; row < to; row += 1) {
      const index = row - from;
      const byte = row >> 3;
      const bit = 1 << (row & 7);
      if (row === from || receivedAt[row * 2] !== receivedAt[row * 2 - 2]) {
        receivedMs = timeOf(receivedAt, row);
        receivedTick = tickOf(receivedMs - baseMs);
      }
      const endMs = (hasEnd[byte]! & bit) !== 0 ? timeOf(flowEnd, row) : receivedMs;
      const startMs = (hasStart[byte]! & bit) !== 0 ? timeOf(flowStart, row) : endMs;
      received[index] = receivedTick;
      starts[index] = tickOf(startMs - baseMs);
      ends[index] = tickOf(endMs - baseMs);
      const reason = (hasReason[byte]! & bit) !== 0 ? endReason[row]! : 0;
      if (reason === END_REASON_END_OF_FLOW) flags[index]! |= FLAG_ENDED;
      const allowedMs = this.#windowMs + this.#goesOnMs(exporters[index]!, reason, endMs - startMs);
      allowances[index] = (allowedMs * TICKS_PER_MS) | 0;
    }
  }

  /** How long the flow's next record may take beyond the window; 0 where the flow is over. */
  #goesOnMs(exporter: number, reason: number, durationMs: number): number {
    if (reason !== 0 && reason !== END_REASON_ACTIVE) return 0;
    let activeMs = this.#activeMs[exporter]!;
    if (durationMs > activeMs) {
      activeMs = Math.min(durationMs, ACTIVE_TIMEOUT_MS_MAX);
      this.#activeMs[exporter] = activeMs;
    }
    if (reason === 0 && durationMs < activeMs * ACTIVE_SHARE) return 0;
    return activeMs + Math.max(activeMs, IDLE_TIMEOUT_MS_USUAL);
  }

  #decide({ columns, validity }: FlowBatch, row: number, index: number): number {
    const biflowDirection = this.#biflowDirections?.[row] ?? BIFLOW_DIRECTION_ABSENT;
    const isBiflow = (this.#records.flags[index]! & FLAG_BIFLOW) !== 0;
    const isStated = isBiflow || biflowDirection !== BIFLOW_DIRECTION_ABSENT;
    const bit = 1 << (row & 7);
    const hasFlags = (bitmapOf(validity, 'tcpFlags')[row >> 3]! & bit) !== 0;
    const hasType = (bitmapOf(validity, 'icmpTypeCode')[row >> 3]! & bit) !== 0;
    return decideDirection(
      columns.protocol[row]!,
      columns.srcPort[row]!,
      columns.dstPort[row]!,
      isStated ? statedByBiflow(biflowDirection) : STATED.nothing,
      hasFlags ? columns.tcpFlags[row]! : -1,
      hasType ? columns.icmpTypeCode[row]! : -1,
    );
  }

  #write(batch: FlowBatch, from: number, to: number): void {
    const { pairing, deduplication } = this.#settings;
    if (pairing) this.#writeSessions(batch, from, to);
    if (deduplication) batch.columns.duplicate.set(this.#records.duplicates.subarray(0, to - from), from);
    const { flags } = this.#records;
    let withKey = 0;
    for (let index = 0; index < to - from; index += 1) withKey += flags[index]! & FLAG_HAS_KEY;
    for (const column of this.#columns) {
      if (withKey === to - from) setPresent(batch, column, from, to);
      else this.#markThoseWithKey(batch.validity[column]!, from, to);
    }
  }

  #writeSessions(batch: FlowBatch, from: number, to: number): void {
    const { sessionId, sessionSide, directionRule } = batch.columns;
    const { identifiersLow, identifiersHigh, decided, exporters, directions } = this.#records;
    const spread = this.#settings.acrossExporters ? 0 : EXPORTER_SPREAD;
    for (let row = from; row < to; row += 1) {
      const index = row - from;
      sessionId[row * 2] = identifiersLow[index]!;
      sessionId[row * 2 + 1] = identifiersHigh[index]! ^ Math.imul(exporters[index]!, spread);
      sessionSide[row] = (decided[index]! & 1) ^ directions[index]!;
      directionRule[row] = ruleOf(decided[index]!);
    }
  }

  #markThoseWithKey(bitmap: Uint8Array, from: number, to: number): void {
    const { flags } = this.#records;
    for (let row = from; row < to; row += 1) {
      if ((flags[row - from]! & FLAG_HAS_KEY) !== 0) bitmap[row >> 3]! |= 1 << (row & 7);
    }
  }
}

const PAIRING_COLUMNS = (['sessionId', 'sessionSide', 'directionRule'] as const).map(
  (name) => FLOW_COLUMN_INDEX[name],
);
/** Of each exporter's own sessions the identifiers differ in their upper half. */
const EXPORTER_SPREAD = 0x9e3779b1 | 0;

function timeOf(column: Uint32Array, row: number): number {
  return column[row * 2]! + column[row * 2 + 1]! * 4294967296;
}

/** Milliseconds since tick 0 as a tick; what lies outside of them as the first or the last. */
function tickOf(ms: number): number {
  const tick = ms * TICKS_PER_MS;
  return tick < 1 ? 1 : tick > TICKS_LAST ? TICKS_LAST : tick | 0;
}

const TICKS_PER_MS = 1 / TICK_MS;
/** An hour of allowance fits behind it. */
const TICKS_LAST = 0x7ff80000;

function randomSeed(): [number, number] {
  const random = randomBytes(8);
  return [random.readUInt32LE(0), random.readUInt32LE(4)];
}
