/**
 * The names of rules as small numbers, so that a record holds a word and a flood builds no strings. Rule sets
 * are small; names from outside are not to be trusted to be, so their number and length are bounded.
 */

/** 4096 × some 160 octets = 640 KiB. */
export const RULE_NAMES_MAX = 4096;
/** The kernel's limit for a log prefix. */
export const RULE_NAME_OCTETS_MAX = 127;
/** What stands for the names that found no place. */
const OTHER_RULES = '(other rules)';

const NO_RULE_NUMBER = 0;
const OTHER_RULES_NUMBER = 1;
const FIXED_NAMES = 2;

export class DropRuleNames {
  /** Frames whose rule's name found no place. */
  framesOfOtherRules = 0;
  readonly #numbers = new Map<string, number>();
  readonly #octets: Uint8Array[] = [encodeName(''), encodeName(OTHER_RULES)];

  get size(): number {
    return this.#numbers.size;
  }

  /** The number of a name, new or known. */
  numberOf(name: string): number {
    if (name === '') return NO_RULE_NUMBER;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#octets.length >= RULE_NAMES_MAX) {
      this.framesOfOtherRules += 1;
      return OTHER_RULES_NUMBER;
    }
    this.#octets.push(encodeName(name));
    this.#numbers.set(name, this.#octets.length - 1);
    return this.#octets.length - 1;
  }

  /** The name as a variable-length value (RFC 7011 section 7), its length in the first octet. */
  octetsOf(number: number): Uint8Array {
    return this.#octets[number] ?? this.#octets[NO_RULE_NUMBER]!;
  }

  /** Makes room when there is none. Only for when no record holds a number any more. */
  forgetWhenFull(): void {
    if (this.#octets.length < RULE_NAMES_MAX) return;
    this.#octets.length = FIXED_NAMES;
    this.#numbers.clear();
  }
}

function encodeName(name: string): Uint8Array {
  const octets = new Uint8Array(1 + RULE_NAME_OCTETS_MAX);
  // encodeInto stops before a character that does not fit whole.
  const { written } = new TextEncoder().encodeInto(name, octets.subarray(1));
  octets[0] = written;
  return octets.slice(0, 1 + written);
}
