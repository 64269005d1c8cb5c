/**
 * How many field specifiers may be kept: of one exporter, and of all. A specifier costs about 64 octets, with
 * the plan that is compiled from it about 250.
 */
/** 64 MiB for one exporter: 256 line cards with 50 templates of 20 fields each. */
export const TEMPLATE_FIELDS_PER_EXPORTER_MAX = 262_144;
/** 512 MiB for all, which only a flood of forged templates reaches; those that are known stay. */
export const TEMPLATE_FIELDS_MAX = 2_097_152;

export class TemplateBudget {
  #used = 0;
  readonly #max: number;
  readonly #whole: TemplateBudget | undefined;

  /** A budget of `max` fields, which are also taken from `whole` when it is a part. */
  constructor(max: number, whole?: TemplateBudget) {
    this.#max = max;
    this.#whole = whole;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes so many fields, or none and false when there are too few left. */
  reserve(fields: number): boolean {
    if (this.#used + fields > this.#max || this.#whole?.reserve(fields) === false) return false;
    this.#used += fields;
    return true;
  }

  release(fields: number): void {
    this.#used -= fields;
    this.#whole?.release(fields);
  }
}
