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
  #templates = 0;
  readonly #templatesMax: number;
  readonly #max: number;
  readonly #whole: TemplateBudget | undefined;

  /** A budget of `max` fields in `templatesMax` templates, which are also taken from `whole` when it is a part. */
  constructor(max: number, whole?: TemplateBudget, templatesMax = Number.POSITIVE_INFINITY) {
    this.#max = max;
    this.#templatesMax = templatesMax;
    this.#whole = whole;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes one template of so many fields, or none and false when there are too few left. */
  reserve(fields: number): boolean {
    if (this.#used + fields > this.#max || this.#templates >= this.#templatesMax) return false;
    if (this.#whole?.reserve(fields) === false) return false;
    this.#used += fields;
    this.#templates += 1;
    return true;
  }

  release(fields: number): void {
    this.#used -= fields;
    this.#templates -= 1;
    this.#whole?.release(fields);
  }
}
