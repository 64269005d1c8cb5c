import { expect, test } from 'vitest';
import { builtInElements, elementById, elementByName } from './information-model.ts';
import { WEIR_ELEMENTS, WEIR_ENTERPRISE_NUMBER } from './weir-elements.ts';

test('our own elements are found by number and by name, and no registry has one of their names', () => {
  for (const element of WEIR_ELEMENTS) {
    expect(elementById(WEIR_ENTERPRISE_NUMBER, element.elementId)).toBe(element);
    expect(elementByName(element.name)).toBe(element);
    expect([...builtInElements()].filter(({ name }) => name === element.name)).toEqual([element]);
  }
});
