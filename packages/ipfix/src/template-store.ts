/**
 * The templates of one observation domain of one exporter, with what was valid before.
 *
 * Over UDP nobody authenticates a template and datagrams change places, so the store never throws a good
 * template away on one datagram's word: a withdrawal over UDP is refused (RFC 7011 section 8.4), a
 * redefinition keeps its predecessors with their times, and until the redefinition was announced a second time,
 * a Set that fits only the predecessor is read with that.
 */
import { BoundedReader } from './bounded-reader.ts';
import type { ColumnPlan } from './column-plan.ts';
import { type DecodeProblem, decodeProblem, problemOf } from './decode-error.ts';
import { type FieldSpecifier, type Template, VARIABLE_LENGTH } from './template.ts';
import type { TemplateBudget } from './template-budget.ts';
import { recordOctetsMin, skipRecord } from './template-layout.ts';
import { isZero, type TemplateWithdrawal } from './template-set.ts';
import type { TransportKind } from './transport-session.ts';

/** Routers with a template for each interface stay below; what the fields cost is bounded by the TemplateBudget. */
export const TEMPLATES_PER_DOMAIN_MAX = 4096;
/** Predecessors kept of one Template ID: a datagram that is late overtakes hardly more than one change. */
const TEMPLATE_HISTORY_MAX = 3;
/**
 * How late a datagram may be. A template announced with an export time further back than this says that the
 * exporter's clock was set, not that the datagram was held up: networks drop packets after seconds.
 */
const LATE_MESSAGE_MS_MAX = 120_000;

/** Exporters pad to 4 or to 8 octets. */
const PADDING_OCTETS_MAX = 8;

/** A template as the store keeps it. */
export interface StoredTemplate {
  readonly template: Template;
  /** An Options Template: its records describe the exporter, they are no flows. */
  readonly options: boolean;
  /** Export time of the message that announced it first. */
  validFromMs: number;
  /** Times it was announced: a forged one hardly ever twice, one of the exporter again and again. */
  announcedCount: number;
  /** Valid before this one. */
  previous: StoredTemplate | undefined;
  /** Octets of a record, or 0 when it has variable-length fields. */
  readonly recordOctets: number;
  readonly recordOctetsMin: number;
  /** Compiled when the first record comes. */
  plan: ColumnPlan | undefined;
}

export interface TemplateStoreCounters {
  /** Template Records taken, repetitions included. */
  templateRecords: number;
  /** Template IDs announced with another content than before. */
  templateConflicts: number;
  /** Withdrawals obeyed. */
  templateWithdrawals: number;
  /** Templates, or withdrawals over UDP, that were not obeyed. */
  templatesRefused: number;
}

export type AnnounceOutcome = 'added' | 'repeated' | 'redefined' | 'late' | 'refused';

export class TemplateStore {
  readonly counters: TemplateStoreCounters;
  readonly #templates = new Map<number, StoredTemplate>();
  /** Withdrawn and not announced again; no more than there are Template IDs. */
  #withdrawn: Set<number> | undefined;
  readonly #transport: TransportKind;
  readonly #budget: TemplateBudget;
  #lastId = -1;
  #last: StoredTemplate | undefined;

  constructor(transport: TransportKind, counters: TemplateStoreCounters, budget: TemplateBudget) {
    this.#transport = transport;
    this.counters = counters;
    this.#budget = budget;
  }

  get size(): number {
    return this.#templates.size;
  }

  /**
   * The template of `templateId` that was valid at `exportTimeMs`, for a Data Set body of `octets` octets
   * from `from`; undefined when none is known.
   */
  find(
    templateId: number,
    exportTimeMs: number,
    bytes: Uint8Array,
    from: number,
    octets: number,
  ): StoredTemplate | undefined {
    const current = templateId === this.#lastId ? this.#last : this.#templates.get(templateId);
    this.#lastId = templateId;
    this.#last = current;
    if (current?.previous === undefined) return current;
    return this.#choose(current, current.previous, exportTimeMs, bytes, from, octets);
  }

  #choose(
    current: StoredTemplate,
    previous: StoredTemplate,
    exportTimeMs: number,
    bytes: Uint8Array,
    from: number,
    octets: number,
  ): StoredTemplate {
    const valid = validAt(exportTimeMs, current);
    if (valid.announcedCount > 1 && valid === current) return current;
    const other = valid === current ? previous : current;
    const to = from + octets;
    return fits(valid, bytes, from, to) || !fits(other, bytes, from, to) ? valid : other;
  }

  /** Whether the template was withdrawn: Data Sets with its ID are not early, they are wrong. */
  isWithdrawn(templateId: number): boolean {
    return this.#withdrawn?.has(templateId) === true;
  }

  /** The template now in force, or undefined. */
  current(templateId: number): StoredTemplate | undefined {
    return this.#templates.get(templateId);
  }

  entries(): IterableIterator<StoredTemplate> {
    return this.#templates.values();
  }

  /** Takes a template that a message of `exportTimeMs` announced. Problems go to `report`. */
  announce(
    template: Template,
    options: boolean,
    exportTimeMs: number,
    offset: number,
    report: (problem: DecodeProblem) => void,
  ): AnnounceOutcome {
    this.counters.templateRecords += 1;
    const known = this.#templates.get(template.templateId);
    if (known === undefined) return this.#add(template, options, exportTimeMs, offset, report);
    if (known.options === options && sameTemplate(known.template, template)) {
      known.announcedCount += 1;
      return 'repeated';
    }
    this.counters.templateConflicts += 1;
    report(decodeProblem('template_conflict', offset, `(template ${template.templateId})`));
    return this.#redefine(known, template, options, exportTimeMs, offset, report);
  }

  #add(
    template: Template,
    options: boolean,
    exportTimeMs: number,
    offset: number,
    report: (problem: DecodeProblem) => void,
  ): AnnounceOutcome {
    if (this.#templates.size >= TEMPLATES_PER_DOMAIN_MAX || !this.#reserve(template)) {
      return this.#refuse(template, offset, report);
    }
    this.#put(storedTemplate(template, options, exportTimeMs));
    return 'added';
  }

  #redefine(
    known: StoredTemplate,
    template: Template,
    options: boolean,
    exportTimeMs: number,
    offset: number,
    report: (problem: DecodeProblem) => void,
  ): AnnounceOutcome {
    const returned = this.#takeFromHistory(known, template, options);
    if (returned === undefined && !this.#reserve(template)) return this.#refuse(template, offset, report);
    const entry = returned ?? storedTemplate(template, options, exportTimeMs);
    if (returned !== undefined) returned.announcedCount += 1;
    const lateMs = known.validFromMs - exportTimeMs;
    if (this.#transport === 'udp' && lateMs > 0 && lateMs <= LATE_MESSAGE_MS_MAX) {
      entry.validFromMs = exportTimeMs;
      insertByTime(known, entry);
      this.#trimHistory(known);
      return 'late';
    }
    entry.validFromMs = exportTimeMs;
    entry.previous = known;
    this.#trimHistory(entry);
    this.#put(entry);
    return 'redefined';
  }

  /** Obeys a withdrawal where the transport is reliable; over UDP it is refused. */
  withdraw(withdrawal: TemplateWithdrawal, report: (problem: DecodeProblem) => void): void {
    const { templateId, all, offset } = withdrawal;
    if (this.#transport === 'udp') {
      this.counters.templatesRefused += 1;
      report(decodeProblem('template_withdrawal_invalid', offset, `(template ${templateId}, over UDP)`));
    } else if (all !== undefined) {
      this.#withdrawAll(all === 'optionsTemplates');
    } else if (this.#templates.has(templateId)) {
      this.#remove(templateId);
    } else {
      report(decodeProblem('template_withdrawal_invalid', offset, `(template ${templateId} is not known)`));
    }
  }

  #withdrawAll(options: boolean): void {
    for (const [templateId, entry] of this.#templates) {
      if (entry.options === options) this.#remove(templateId);
    }
  }

  #remove(templateId: number): void {
    this.#release(this.#templates.get(templateId));
    this.#templates.delete(templateId);
    this.#withdrawn ??= new Set();
    this.#withdrawn.add(templateId);
    this.#lastId = -1;
    this.counters.templateWithdrawals += 1;
  }

  #refuse(template: Template, offset: number, report: (problem: DecodeProblem) => void): AnnounceOutcome {
    this.counters.templatesRefused += 1;
    report(decodeProblem('template_limit_reached', offset, `(template ${template.templateId})`));
    return 'refused';
  }

  #reserve(template: Template): boolean {
    return this.#budget.reserve(template.fields.length);
  }

  #release(entry: StoredTemplate | undefined): void {
    for (let dropped = entry; dropped !== undefined; dropped = dropped.previous) {
      this.#budget.release(dropped.template.fields.length);
    }
  }

  /** Forgets everything, when the domain is forgotten. */
  clear(): void {
    for (const entry of this.#templates.values()) this.#release(entry);
    this.#templates.clear();
    this.#withdrawn?.clear();
    this.#lastId = -1;
  }

  #put(entry: StoredTemplate): void {
    this.#templates.set(entry.template.templateId, entry);
    this.#withdrawn?.delete(entry.template.templateId);
    this.#lastId = -1;
  }

  /** A predecessor of `known` with this content, unlinked. */
  #takeFromHistory(known: StoredTemplate, template: Template, options: boolean): StoredTemplate | undefined {
    for (let newer = known; newer.previous !== undefined; newer = newer.previous) {
      const entry = newer.previous;
      if (entry.options !== options || !sameTemplate(entry.template, template)) continue;
      newer.previous = entry.previous;
      entry.previous = undefined;
      return entry;
    }
    return undefined;
  }

  #trimHistory(entry: StoredTemplate): void {
    let oldest = entry;
    for (let depth = 0; depth < TEMPLATE_HISTORY_MAX && oldest.previous !== undefined; depth++) {
      oldest = oldest.previous;
    }
    this.#release(oldest.previous);
    oldest.previous = undefined;
  }
}

/** A template with what is computed once for it. */
export function storedTemplate(template: Template, options: boolean, validFromMs: number): StoredTemplate {
  const variable = template.fields.some((field) => field.length === VARIABLE_LENGTH);
  const octetsMin = recordOctetsMin(template);
  return {
    template,
    options,
    validFromMs,
    announcedCount: 1,
    previous: undefined,
    recordOctets: variable ? 0 : octetsMin,
    recordOctetsMin: octetsMin,
    plan: undefined,
  };
}

/** Whether two templates say the same of the same ID. */
export function sameTemplate(one: Template, other: Template): boolean {
  return (
    one.scopeFieldCount === other.scopeFieldCount &&
    one.fields.length === other.fields.length &&
    one.fields.every((field, index) => sameField(field, other.fields[index] as FieldSpecifier))
  );
}

function sameField(one: FieldSpecifier, other: FieldSpecifier): boolean {
  return (
    one.elementId === other.elementId &&
    one.length === other.length &&
    one.enterpriseNumber === other.enterpriseNumber
  );
}

/** Of a template and its predecessors, the one for a message of `exportTimeMs`. */
function validAt(exportTimeMs: number, current: StoredTemplate): StoredTemplate {
  const lateMs = current.validFromMs - exportTimeMs;
  if (lateMs <= 0 || lateMs > LATE_MESSAGE_MS_MAX) return current;
  let valid = current;
  while (valid.validFromMs > exportTimeMs && valid.previous !== undefined) valid = valid.previous;
  return valid;
}

/** Puts `entry` behind the newest predecessor of `current` that is older than it. */
function insertByTime(current: StoredTemplate, entry: StoredTemplate): void {
  let newer = current;
  while (newer.previous !== undefined && newer.previous.validFromMs > entry.validFromMs) {
    newer = newer.previous;
  }
  entry.previous = newer.previous;
  newer.previous = entry;
}

/** Whether a Set body is whole records of this template and padding (RFC 7011 section 3.3.1). */
function fits(entry: StoredTemplate, bytes: Uint8Array, from: number, to: number): boolean {
  const { recordOctets } = entry;
  const rest = recordOctets > 0 ? (to - from) % recordOctets : unreadOctets(entry, bytes, from, to);
  return to - from >= entry.recordOctetsMin && rest < PADDING_OCTETS_MAX && isZero(bytes, to - rest, to);
}

/** Octets behind the last whole record of a template with variable-length fields. */
function unreadOctets(entry: StoredTemplate, bytes: Uint8Array, from: number, to: number): number {
  const reader = new BoundedReader(bytes, 'record_truncated', from, to);
  let end = from;
  try {
    while (reader.remaining >= entry.recordOctetsMin) {
      skipRecord(reader, entry.template);
      end = reader.position;
    }
  } catch (error) {
    problemOf(error);
  }
  return to - end;
}
