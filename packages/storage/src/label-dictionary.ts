/**
 * The texts of one segment's label and country columns, each once. Records in memory hold keys of it; SQL
 * sees texts (the keys become a DuckDB ENUM over these texts), and so does whoever reads the Parquet file.
 *
 * It lives as long as its segment, so texts that come and go (host names) do not pile up; a segment whose
 * dictionary is full is closed, and the next one starts with an empty one: no text is ever refused.
 */
import duckdb from '@duckdb/node-bindings';

/** 262,144 texts of some 40 octets, with their map: about 40 MB. A batch may go past it by its 65,536. */
export const SEGMENT_LABELS_MAX = 262_144;
/** A longer text is cut: names of DNS have at most 253 octets. */
const LABEL_CHARACTERS_MAX = 1024;
const NO_KEY = -1;

export class LabelDictionary {
  readonly #keys = new Map<string, number>();
  readonly #texts: string[] = [];
  /** By country code; made when the first one comes. */
  #countryKeys: Int32Array | undefined;
  #type: { readonly size: number; readonly logicalType: duckdb.LogicalType } | undefined;

  get size(): number {
    return this.#texts.length;
  }

  keyOf(label: string): number {
    const known = this.#keys.get(label);
    if (known !== undefined) return known;
    const text = storable(label);
    return text === label ? this.#add(text) : this.keyOf(text);
  }

  /** The key of a country's two letters; undefined when the code is no two letters. */
  countryKeyOf(code: number): number | undefined {
    this.#countryKeys ??= new Int32Array(65_536).fill(NO_KEY);
    const known = this.#countryKeys[code];
    if (known !== undefined && known !== NO_KEY) return known;
    const text = String.fromCharCode(code >> 8, code & 255);
    if (!/^[A-Z]{2}$/.test(text)) return undefined;
    const key = this.keyOf(text);
    this.#countryKeys[code] = key;
    return key;
  }

  textOf(key: number): string | undefined {
    return this.#texts[key];
  }

  /** The ENUM of all texts so far: a larger one later leaves the keys as they are. */
  logicalType(): duckdb.LogicalType {
    if (this.#type?.size !== this.size) {
      const members = this.size === 0 ? [''] : this.#texts;
      this.#type = { size: this.size, logicalType: duckdb.create_enum_type(members) };
    }
    return this.#type.logicalType;
  }

  #add(text: string): number {
    const key = this.#texts.length;
    this.#texts.push(text);
    this.#keys.set(text, key);
    return key;
  }
}

/** The engine takes texts that end at the first NUL, and UTF-8. */
function storable(label: string): string {
  return label.replaceAll('\0', '\ufffd').slice(0, LABEL_CHARACTERS_MAX).toWellFormed();
}
