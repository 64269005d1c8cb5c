/** Information Elements by the names that people type: without regard to case, or as `PEN/ID`. */
import { builtInElements, elementById, elementByName, type InformationElement } from '@weir/ipfix';

let byLowerName: ReadonlyMap<string, InformationElement> | undefined;

/** The element that `name` means; one of an unknown number is kept as octets. A bare number means nothing. */
export function elementNamed(name: string): InformationElement | undefined {
  const numbers = /^(\d{1,10})\/(\d{1,5})$/.exec(name);
  if (numbers !== null) return elementNumbered(Number(numbers[1]), Number(numbers[2]));
  if (!/^[a-z]/i.test(name)) return undefined;
  const known = elementByName(name);
  if (known !== undefined) return known;
  byLowerName ??= new Map(
    [...builtInElements()].reverse().map((element) => [element.name.toLowerCase(), element]),
  );
  return byLowerName.get(name.toLowerCase());
}

function elementNumbered(enterpriseNumber: number, elementId: number): InformationElement | undefined {
  if (enterpriseNumber > 0xffff_ffff || elementId > 0xffff) return undefined;
  const name = `${enterpriseNumber}/${elementId}`;
  return (
    elementById(enterpriseNumber, elementId) ?? { enterpriseNumber, elementId, name, dataType: 'octetArray' }
  );
}
