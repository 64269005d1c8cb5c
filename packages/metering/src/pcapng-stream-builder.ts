/** Blocks of pcapng for tests and benchmarks: what an overlay program would write. */
export type PcapngOption = readonly [code: number, value: Uint8Array];

export interface PcapngPacket {
  timestampMs?: number;
  interfaceId?: number;
  options?: readonly PcapngOption[];
}

export class PcapngBuilder {
  readonly #littleEndian: boolean;

  constructor(littleEndian = true) {
    this.#littleEndian = littleEndian;
  }

  section(): Uint8Array {
    return this.#block(0x0a0d0d0a, [
      this.#u32(0x1a2b3c4d),
      this.#u16(1),
      this.#u16(0),
      new Uint8Array(8).fill(0xff),
    ]);
  }

  interface(name: string, linkType: number): Uint8Array {
    const options = name === '' ? [] : [this.#option([2, textOf(name)]), new Uint8Array(4)];
    return this.#block(1, [this.#u16(linkType), this.#u16(0), this.#u32(0), ...options]);
  }

  /** An Enhanced Packet Block; times are in microseconds, the default resolution. */
  packet(
    octets: Uint8Array,
    { timestampMs = 1_700_000_000_000, interfaceId = 0, options = [] }: PcapngPacket = {},
  ) {
    const micros = timestampMs * 1000;
    return this.#block(6, [
      this.#u32(interfaceId),
      this.#u32(Math.floor(micros / 4294967296)),
      this.#u32(micros >>> 0),
      this.#u32(octets.length),
      this.#u32(octets.length),
      padded(octets),
      ...options.map((option) => this.#option(option)),
      ...(options.length === 0 ? [] : [new Uint8Array(4)]),
    ]);
  }

  /** epb_flags: 1 inbound, 2 outbound. */
  flags(direction: number): PcapngOption {
    return [2, this.#u32(direction)];
  }

  comment(text: string): PcapngOption {
    return [1, textOf(text)];
  }

  /** epb_verdict of a kind: 0 hardware, 1 Linux eBPF TC, 2 Linux eBPF XDP. */
  verdict(kind: number, action: bigint): PcapngOption {
    const value = new Uint8Array(9);
    const view = new DataView(value.buffer);
    view.setUint8(0, kind);
    view.setBigInt64(1, action, this.#littleEndian);
    return [7, value];
  }

  #option([code, value]: PcapngOption): Uint8Array {
    return concatenate([this.#u16(code), this.#u16(value.length), padded(value)]);
  }

  #block(type: number, parts: readonly Uint8Array[]): Uint8Array {
    const body = concatenate(parts);
    const length = this.#u32(body.length + 12);
    return concatenate([this.#u32(type), length, body, length]);
  }

  #u16(value: number): Uint8Array {
    const octets = new Uint8Array(2);
    new DataView(octets.buffer).setUint16(0, value, this.#littleEndian);
    return octets;
  }

  #u32(value: number): Uint8Array {
    const octets = new Uint8Array(4);
    new DataView(octets.buffer).setUint32(0, value, this.#littleEndian);
    return octets;
  }
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function padded(octets: Uint8Array): Uint8Array {
  return concatenate([octets, new Uint8Array(-octets.length & 3)]);
}

function textOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
