/**
 * Data Records as named fields, with what each exporter said of its own elements (RFC 5610): what one exporter
 * defines holds for its scope alone.
 */
import { BoundedReader } from './bounded-reader.ts';
import { DecodeError, type DecodeProblem, problemOf } from './decode-error.ts';
import type { ExporterScope } from './domain-state.ts';
import { createElementRegistry, type ElementRegistry, elementOfTypeRecord } from './element-registry.ts';
import type { RecordFields } from './field-value.ts';
import type { InformationElement } from './information-element.ts';
import type { MessageContext } from './message.ts';
import { createRecordReader, type RecordReader } from './record-reader.ts';
import type { StoredTemplate } from './template-store.ts';

interface ScopeReader {
  readonly elements: ElementRegistry;
  readonly records: RecordReader;
}

export class ScopeRecords {
  /** Elements that exporters described themselves. */
  elementsDefined = 0;
  readonly #scopes = new WeakMap<ExporterScope, ScopeReader>();
  readonly #problem: (problem: DecodeProblem) => void;

  constructor(problem: (problem: DecodeProblem) => void) {
    this.#problem = problem;
  }

  /** Reads the records of a Set, up to the first that is malformed; the answer is their number. */
  readSet(
    entry: StoredTemplate,
    message: MessageContext,
    from: number,
    to: number,
    take: (record: RecordFields) => void,
  ): number {
    const { view, datagramStart, domain } = message;
    const set = new BoundedReader(view.bytes, 'record_truncated', from, to, -datagramStart);
    const { records, elements } = this.#readerOf(domain.scope);
    const context = {
      templateById: (templateId: number) => domain.templates.current(templateId)?.template,
      problem: this.#problem,
    };
    let count = 0;
    while (set.remaining >= entry.recordOctetsMin) {
      const start = set.offset;
      try {
        const record = records.read(set, entry.template, context);
        if (entry.options) this.#learn(record, elements);
        take(record);
      } catch (error) {
        this.#problem(problemOf(new DecodeError(problemOf(error).code, start)));
        break;
      }
      count += 1;
    }
    return count;
  }

  /** What the exporter of `scope` defined, in the order in which it came. */
  definedElements(scope: ExporterScope): Iterable<InformationElement> {
    return this.#scopes.get(scope)?.elements.defined() ?? [];
  }

  /** Takes definitions from a snapshot. */
  define(scope: ExporterScope, element: InformationElement): void {
    this.#readerOf(scope).elements.define(element);
  }

  #learn(record: RecordFields, elements: ElementRegistry): void {
    const element = elementOfTypeRecord({ ...record.scope, ...record.fields });
    if (element !== undefined && elements.define(element)) this.elementsDefined += 1;
  }

  #readerOf(scope: ExporterScope): ScopeReader {
    const known = this.#scopes.get(scope);
    if (known !== undefined) return known;
    const elements = createElementRegistry();
    const created = { elements, records: createRecordReader(elements) };
    this.#scopes.set(scope, created);
    return created;
  }
}
