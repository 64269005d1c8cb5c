/**
 * How many field specifiers may be kept: of one exporter, and of all. A specifier costs about 64 octets, with
 * the plan that is compiled from it about 250.
 */
/** 64 MiB for one exporter: 256 line cards with 50 templates of 20 fields each. */
export const TEMPLATE_FIELDS_PER_EXPORTER_MAX = 262_144;
/** 256 MiB for all that are established and all connections; those that are known stay. */
export const TEMPLATE_FIELDS_MAX = 1_048_576;
/** 4 MiB: a router of 40 line cards with 20 templates of 20 fields each, until it is established. */
export const TEMPLATE_FIELDS_PER_UNESTABLISHED_MAX = 16_384;
/** 64 MiB for all senders that are not established: what a flood of forged templates can occupy. */
export const TEMPLATE_FIELDS_UNESTABLISHED_MAX = 262_144;

export interface TemplateBudgetLimits {
  readonly fields: number;
  readonly templates?: number;
}

export class TemplateBudget {
  #used = 0;
  #templates = 0;
  readonly #templatesMax: number;
  #max: number;
  #whole: TemplateBudget | undefined;
  readonly #makeRoom: (() => void) | undefined;

  /**
   * A budget that is also taken from `whole` when it is a part. `makeRoom` is called when it is used up, and may
   * release some.
   */
  constructor(
    { fields, templates = Number.POSITIVE_INFINITY }: TemplateBudgetLimits,
    whole?: TemplateBudget,
    makeRoom?: () => void,
  ) {
    this.#max = fields;
    this.#templatesMax = templates;
    this.#whole = whole;
    this.#makeRoom = makeRoom;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes one template of so many fields, or none and false when there are too few left. */
  reserve(fields: number): boolean {
    if (!this.#fits(fields)) this.#makeRoom?.();
    if (!this.#fits(fields)) return false;
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

  /** Becomes a part of another whole, with everything that is in use, and may take up to `max` fields. */
  moveTo(whole: TemplateBudget, max: number): void {
    if (this.#whole !== undefined) this.#whole.#add(-this.#used, -this.#templates);
    whole.#add(this.#used, this.#templates);
    this.#whole = whole;
    this.#max = max;
  }

  #fits(fields: number): boolean {
    return this.#used + fields <= this.#max && this.#templates < this.#templatesMax;
  }

  #add(fields: number, templates: number): void {
    this.#used += fields;
    this.#templates += templates;
  }
}
