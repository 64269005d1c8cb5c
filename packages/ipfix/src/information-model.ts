/**
 * The built-in information model: IANA's registry, the enterprise registries, the reverse elements of
 * RFC 5103, and the names of values. A registry is parsed from its compact text on first use. What an
 * exporter says of its own elements (RFC 5610) is kept apart, in an ElementRegistry.
 */
import {
  ABSTRACT_DATA_TYPES,
  DATA_TYPE_SEMANTICS,
  ELEMENT_UNITS,
  type InformationElement,
  REVERSE_ENTERPRISE_NUMBER,
} from './information-element.ts';
import { INFORMATION_ELEMENTS } from './information-elements.generated.ts';
import { VALUE_NAMES } from './value-names.generated.ts';
import { WEIR_ELEMENTS, WEIR_ENTERPRISE_NUMBER } from './weir-elements.ts';

/** CERT marks the reverse direction of its own elements by this bit of the id, not by another number. */
const CERT_ENTERPRISE_NUMBER = 6871;
const CERT_REVERSE_BIT = 0x4000;
/** nProbe sends ntop's elements in NetFlow v9, which has no enterprise numbers, as this plus their id. */
const NTOP_ENTERPRISE_NUMBER = 35632;
const NTOP_V9_BASE = 57472;
/** Cisco sends its own in NetFlow v9 with the enterprise bit of IPFIX set, and no enterprise number behind. */
const CISCO_ENTERPRISE_NUMBER = 9;
const ENTERPRISE_BIT = 0x8000;

type Registry = Map<number, InformationElement>;

const registries = new Map<number, Registry>([
  [WEIR_ENTERPRISE_NUMBER, new Map(WEIR_ELEMENTS.map((element) => [element.elementId, element]))],
]);
const valueNames = new Map<number, ReadonlyMap<number, string>>();
let byName: ReadonlyMap<string, InformationElement> | undefined;

/**
 * The element that IANA (enterpriseNumber 0) or an enterprise gives this number; undefined when not known.
 * NetFlow v9 field types beyond IPFIX's range are found under 0 as well, ntop's and Cisco's as their elements.
 */
export function elementById(enterpriseNumber: number, elementId: number): InformationElement | undefined {
  const registry = registryOf(enterpriseNumber);
  const known = registry.get(elementId);
  if (known !== undefined) return known;
  if (enterpriseNumber === 0 && elementId >= ENTERPRISE_BIT) return v9EnterpriseElement(elementId);
  const reverse = reverseElement(enterpriseNumber, elementId);
  if (reverse !== undefined) registry.set(elementId, reverse);
  return reverse;
}

function v9EnterpriseElement(fieldType: number): InformationElement | undefined {
  const ofNtop = fieldType > NTOP_V9_BASE ? fieldType - NTOP_V9_BASE : 0;
  return (
    elementById(NTOP_ENTERPRISE_NUMBER, ofNtop) ??
    elementById(CISCO_ENTERPRISE_NUMBER, fieldType & ~ENTERPRISE_BIT)
  );
}

/** The element of this name, case included, or of this number when `name` is `ID` or `PEN/ID`. */
export function elementByName(name: string): InformationElement | undefined {
  const numbers = /^(?:(\d{1,10})\/)?(\d{1,5})$/.exec(name);
  if (numbers !== null) return elementById(Number(numbers[1] ?? 0), Number(numbers[2]));
  byName ??= new Map([...builtInElements()].map((element) => [element.name, element]));
  const known = byName.get(name);
  if (known !== undefined || !name.startsWith('reverse')) return known;
  const forward = name.charAt(7).toLowerCase() + name.slice(8);
  const forwardElement = byName.get(forward) ?? byName.get(name.slice(7));
  return forwardElement === undefined ? undefined : reverseOf(forwardElement);
}

/** Every element of the registries, IANA's first; those of RFC 5103 are not listed beside their forward ones. */
export function* builtInElements(): Generator<InformationElement> {
  for (const enterpriseNumber of Object.keys(INFORMATION_ELEMENTS)) {
    yield* registryOf(Number(enterpriseNumber)).values();
  }
  yield* WEIR_ELEMENTS;
}

/** The element that says the same of a biflow's other direction, RFC 5103; undefined where there is none. */
export function reverseOf(element: InformationElement): InformationElement | undefined {
  const { enterpriseNumber, elementId } = element;
  if (enterpriseNumber === 0) return elementById(REVERSE_ENTERPRISE_NUMBER, elementId);
  if (enterpriseNumber !== CERT_ENTERPRISE_NUMBER) return undefined;
  return elementById(CERT_ENTERPRISE_NUMBER, elementId | CERT_REVERSE_BIT);
}

/** What IANA calls this value of the element, such as `end of Flow detected` for flowEndReason 3. */
export function valueName(element: InformationElement, value: number): string | undefined {
  const { enterpriseNumber, elementId } = element;
  if (enterpriseNumber !== 0 && enterpriseNumber !== REVERSE_ENTERPRISE_NUMBER) return undefined;
  let names = valueNames.get(elementId);
  if (names === undefined) {
    names = parseValueNames(VALUE_NAMES[elementId]);
    if (names.size > 0) valueNames.set(elementId, names);
  }
  return names.get(value);
}

/** What an element without a name is called: `PEN/ID`. */
export function elementNumberText(enterpriseNumber: number, elementId: number): string {
  return `${enterpriseNumber}/${elementId}`;
}

const EMPTY_REGISTRY: Registry = new Map();

function registryOf(enterpriseNumber: number): Registry {
  const known = registries.get(enterpriseNumber);
  if (known !== undefined) return known;
  const text = INFORMATION_ELEMENTS[enterpriseNumber];
  if (text === undefined && enterpriseNumber !== REVERSE_ENTERPRISE_NUMBER) return EMPTY_REGISTRY;
  const parsed = parseRegistry(enterpriseNumber, text ?? '');
  registries.set(enterpriseNumber, parsed);
  return parsed;
}

function parseRegistry(enterpriseNumber: number, text: string): Registry {
  const registry: Registry = new Map();
  let elementId = 0;
  for (const line of text.split('\n')) {
    const words = line.split(' ');
    const digits = words.pop() ?? '';
    const name = words.pop();
    if (name === undefined) continue;
    elementId = words.length > 0 ? Number(words[0]) : elementId + 1;
    registry.set(elementId, parseElement(enterpriseNumber, elementId, name, digits));
  }
  return registry;
}

function parseElement(
  enterpriseNumber: number,
  elementId: number,
  name: string,
  digits: string,
): InformationElement {
  const at = (index: number) => Number.parseInt(digits.charAt(index) || '0', 36);
  const dataType = ABSTRACT_DATA_TYPES[at(0)] ?? 'octetArray';
  const semantics = DATA_TYPE_SEMANTICS[at(1)] ?? 'default';
  const units = ELEMENT_UNITS[at(2)] ?? 'none';
  return {
    enterpriseNumber,
    elementId,
    name,
    dataType,
    ...(semantics === 'default' ? {} : { semantics }),
    ...(units === 'none' ? {} : { units }),
  };
}

function reverseElement(enterpriseNumber: number, elementId: number): InformationElement | undefined {
  const isCert = enterpriseNumber === CERT_ENTERPRISE_NUMBER && elementId >= CERT_REVERSE_BIT;
  if (!isCert && enterpriseNumber !== REVERSE_ENTERPRISE_NUMBER) return undefined;
  const forward = isCert
    ? registryOf(CERT_ENTERPRISE_NUMBER).get(elementId & ~CERT_REVERSE_BIT)
    : registryOf(0).get(elementId);
  if (forward === undefined) return undefined;
  const name = `reverse${forward.name.charAt(0).toUpperCase()}${forward.name.slice(1)}`;
  return { ...forward, enterpriseNumber, elementId, name };
}

function parseValueNames(text: string | undefined): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of (text ?? '').split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) names.set(Number(line.slice(0, space)), line.slice(space + 1));
  }
  return names;
}
