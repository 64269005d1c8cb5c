import { EXIT_USAGE, UserError } from '@weir/base';
import { elementByName, elementNumberText, type InformationElement, valueName } from '@weir/ipfix';

/** Sub-registries number their values from 0; none that is named by number goes further. */
const NAMED_VALUE_MAX = 1023;

/** `weir ie`: what is known of an information element, one property a line. */
export function informationElement(text: string): void {
  const element = elementByName(text);
  if (element === undefined) {
    const allowed = 'a name, an element id of IANA, or PEN/ID';
    throw new UserError(
      'usage_element',
      `no information element '${text}' (allowed: ${allowed})`,
      EXIT_USAGE,
    );
  }
  const lines = [
    ['name', element.name],
    ['element', elementNumberText(element.enterpriseNumber, element.elementId)],
    ['type', element.dataType],
    ['semantics', element.semantics],
    ['units', element.units],
    ...valueNamesOf(element),
  ];
  for (const [label, value] of lines) {
    if (value !== undefined) process.stdout.write(`${`${label}:`.padEnd(11)}${value}\n`);
  }
}

function valueNamesOf(element: InformationElement): [string, string][] {
  const names: [string, string][] = [];
  for (let value = 0; value <= NAMED_VALUE_MAX; value++) {
    const name = valueName(element, value);
    if (name !== undefined) names.push([`  ${value}`, name]);
  }
  return names;
}
