/**
 * What one transport session knows of Information Elements: the built-in model, and above it what the
 * exporter itself said of elements that the model lacks (RFC 5610). One session cannot teach another,
 * nor change what the model says.
 */
import {
  ABSTRACT_DATA_TYPES,
  DATA_TYPE_SEMANTICS,
  ELEMENT_UNITS,
  type InformationElement,
} from './information-element.ts';
import { elementById, elementByName } from './information-model.ts';

/** 4096 × about 200 octets: under 1 MiB a session; the largest enterprise registry known has 432 elements. */
export const DEFINED_ELEMENTS_MAX = 4096;
/** Longer names are cut off here, as they become keys of every record. */
const NAME_LENGTH_MAX = 128;

export interface ElementRegistryCounters {
  defined: number;
  /** Refused: known already, no usable number, name or type. */
  refused: number;
  /** Refused because DEFINED_ELEMENTS_MAX were defined. */
  refusedLimit: number;
}

export interface ElementRegistry {
  elementById(enterpriseNumber: number, elementId: number): InformationElement | undefined;
  /** True when the element is now known by this definition; elements that were known before stay as they are. */
  define(element: InformationElement): boolean;
  /** Rises with every definition, so that whoever compiled a template knows that it must do so again. */
  readonly revision: number;
  readonly counters: Readonly<ElementRegistryCounters>;
  /** The definitions in the order in which they came. */
  defined(): Iterable<InformationElement>;
}

export function createElementRegistry(options: { definitionsMax?: number } = {}): ElementRegistry {
  const definitionsMax = options.definitionsMax ?? DEFINED_ELEMENTS_MAX;
  const own = new Map<number, InformationElement>();
  const names = new Set<string>();
  const counters: ElementRegistryCounters = { defined: 0, refused: 0, refusedLimit: 0 };

  function define(element: InformationElement): boolean {
    const { enterpriseNumber, elementId } = element;
    const key = numberKey(enterpriseNumber, elementId);
    if (!hasUsableNumber(element) || own.has(key) || elementById(enterpriseNumber, elementId) !== undefined) {
      counters.refused++;
      return false;
    }
    if (own.size >= definitionsMax) {
      counters.refusedLimit++;
      return false;
    }
    const name = usableName(element, names);
    names.add(name);
    own.set(key, { ...element, name });
    counters.defined++;
    return true;
  }

  return {
    elementById: (enterpriseNumber, elementId) =>
      elementById(enterpriseNumber, elementId) ??
      (own.size === 0 ? undefined : own.get(numberKey(enterpriseNumber, elementId))),
    define,
    get revision() {
      return own.size;
    },
    counters,
    defined: () => own.values(),
  };
}

/**
 * RFC 5610 section 3.9: the element that an options record describes, given the record's fields (scopes
 * included) by name in their JSON form; undefined when the record is no Information Element Type record.
 */
export function elementOfTypeRecord(
  fields: Readonly<Record<string, unknown>>,
): InformationElement | undefined {
  const elementId = fields['informationElementId'];
  const dataType = fields['informationElementDataType'];
  if (typeof elementId !== 'number' || typeof dataType !== 'number') return undefined;
  const type = ABSTRACT_DATA_TYPES[dataType];
  if (type === undefined) return undefined;
  const semantics = DATA_TYPE_SEMANTICS[numberOr(fields['informationElementSemantics'], 0)];
  const units = ELEMENT_UNITS[numberOr(fields['informationElementUnits'], 0)];
  const name = fields['informationElementName'];
  return {
    enterpriseNumber: numberOr(fields['privateEnterpriseNumber'], 0),
    elementId: elementId & 0x7fff,
    name: typeof name === 'string' ? name : '',
    dataType: type,
    ...(semantics === undefined || semantics === 'default' ? {} : { semantics }),
    ...(units === undefined || units === 'none' ? {} : { units }),
  };
}

/** 32 bits of enterprise number and 16 of id fit a number exactly. */
function numberKey(enterpriseNumber: number, elementId: number): number {
  return enterpriseNumber * 65536 + elementId;
}

function hasUsableNumber({ enterpriseNumber, elementId }: InformationElement): boolean {
  return enterpriseNumber > 0 && enterpriseNumber <= 0xffffffff && elementId > 0 && elementId <= 32767;
}

/** The announced name, or `PEN/ID` when it is no name (RFC 7012 section 2.3) or belongs to another element. */
function usableName(element: InformationElement, taken: ReadonlySet<string>): string {
  const { name, enterpriseNumber, elementId } = element;
  const isName = /^[A-Za-z][A-Za-z0-9_-]*$/.test(name) && name.length <= NAME_LENGTH_MAX;
  if (isName && !taken.has(name) && elementByName(name) === undefined) return name;
  return `${enterpriseNumber}/${elementId}`;
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
