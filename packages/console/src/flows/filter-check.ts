import { FilterError, parseFilter } from '@weir/analysis';
import type { FilterMistake } from '../widgets/filter-box.tsx';

/** What is wrong with a filter's text, where, and what could stand there; undefined when nothing is. */
export function checkFilter(text: string): FilterMistake | undefined {
  try {
    parseFilter(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const { position, expected } = error;
    const sentence = error.message.charAt(0).toUpperCase() + error.message.slice(1);
    const ending = expected.length === 0 ? '' : ` Expected: ${expected.join(', ')}.`;
    return { position, message: `${sentence} at position ${position + 1}.${ending}` };
  }
}
