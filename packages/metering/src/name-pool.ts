/**
 * Names from packets, made fit to be shown and sent: valid UTF-8 of at most 255 octets, control characters
 * replaced, ASCII letters small (RFC 4343: case means nothing in DNS). Each distinct name is kept once.
 */
const NAME_OCTETS_MAX = 255;
const REPLACEMENT = '\ufffd';
/** 65,536 names of, as a rule, less than 64 octets: some 8 MiB. */
const NAMES_MAX = 65_536;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Control, format (which turns the direction of text), surrogate and line separator characters. */
const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** What `octets` say, as text that does no harm. */
export function nameText(octets: Uint8Array): string {
  return decoder
    .decode(octets)
    .replace(UNSHOWABLE, REPLACEMENT)
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

export class NamePool {
  readonly #names = new Map<string, Uint8Array>();

  /** The name as a variable-length field (RFC 7011 section 7), the same array for the same text. */
  intern(text: string): Uint8Array {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    if (this.#names.size >= NAMES_MAX) this.#forgetOldest();
    const field = fieldOf(text);
    this.#names.set(text, field);
    return field;
  }

  get size(): number {
    return this.#names.size;
  }

  /** Whoever still refers to a name keeps it; only its being the same array ends. */
  #forgetOldest(): void {
    let count = NAMES_MAX / 4;
    for (const text of this.#names.keys()) {
      this.#names.delete(text);
      count -= 1;
      if (count === 0) return;
    }
  }
}

/** Cut at a character's beginning when too long. */
function fieldOf(text: string): Uint8Array {
  const octets = new Uint8Array(NAME_OCTETS_MAX);
  const { written } = encoder.encodeInto(text, octets);
  const header = written < NAME_OCTETS_MAX ? [written] : [255, written >> 8, written & 0xff];
  const field = new Uint8Array(header.length + written);
  field.set(header);
  field.set(octets.subarray(0, written), header.length);
  return field;
}
