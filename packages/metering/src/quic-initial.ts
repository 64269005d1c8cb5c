/**
 * The server name in a client's first QUIC Initial packet. Its keys come from the Destination Connection ID
 * that stands in it (RFC 9001 section 5.2, RFC 9369 section 3.3), so anyone on the path can read it.
 *
 *  0       1         5     6       …     …       …            …         …        …
 * +-------+---------+-----+-------+-----+-------+-----------+--------+--------+---------+-----------+
 * | flags | version | len | DCID  | len | SCID  | token len | token  | length | pkt num | payload   |
 * +-------+---------+-----+-------+-----+-------+-----------+--------+--------+---------+-----------+
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { HELLO_OCTETS_MAX, type PartialHello } from './hello-assembler.ts';

interface QuicVersion {
  readonly salt: Buffer;
  readonly labelPrefix: string;
  /** Bits 4–5 of the first octet of an Initial. */
  readonly initialType: number;
}

const VERSIONS: ReadonlyMap<number, QuicVersion> = new Map([
  [
    0x00000001,
    {
      salt: Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex'),
      labelPrefix: 'quic',
      initialType: 0,
    },
  ],
  [
    0x6b3343cf,
    {
      salt: Buffer.from('0dede3def700a6db819381be6e269dcbf9bd2ed9', 'hex'),
      labelPrefix: 'quicv2',
      initialType: 1,
    },
  ],
]);

/** RFC 9000 section 14.1: a client's datagram with an Initial is not shorter. */
const DATAGRAM_OCTETS_MIN = 1200;
const CONNECTION_ID_OCTETS_MAX = 20;
const TAG_OCTETS = 16;
const SAMPLE_OCTETS = 16;
const FRAMES_MAX = 256;
const FRAME_PADDING = 0x00;
const FRAME_PING = 0x01;
const FRAME_CRYPTO = 0x06;

/** Whether a datagram may be a client's Initial of a version that can be read. */
export function isQuicInitial(view: DataView, at: number, end: number): boolean {
  if (end - at < DATAGRAM_OCTETS_MIN) return false;
  const first = view.getUint8(at);
  if ((first & 0xc0) !== 0xc0) return false;
  const version = VERSIONS.get(view.getUint32(at + 1));
  return version !== undefined && ((first >> 4) & 3) === version.initialType;
}

/**
 * Puts what the Initial at `at`, for which `isQuicInitial` said yes, has of the ClientHello into `hello`. False
 * when the packet is not genuine: its tag does not fit.
 */
export function readInitial(view: DataView, at: number, end: number, hello: PartialHello): boolean {
  const version = VERSIONS.get(view.getUint32(at + 1));
  const packet = new Uint8Array(view.buffer, view.byteOffset + at, end - at);
  const fields = version === undefined ? undefined : locate(packet);
  if (version === undefined || fields === undefined) return false;
  const payload = decrypt(packet, fields, version);
  if (payload !== undefined) takeFrames(payload, hello);
  return payload !== undefined;
}

interface InitialFields {
  readonly destinationConnectionId: Uint8Array;
  /** Where the protected packet number begins, and where the packet ends. */
  readonly numberAt: number;
  readonly end: number;
}

function locate(packet: Uint8Array): InitialFields | undefined {
  const reader = new VariableReader(packet, 5);
  const destinationOctets = reader.octet();
  const destinationAt = reader.position;
  reader.skip(destinationOctets);
  reader.skip(reader.octet());
  reader.skip(reader.integer());
  const length = reader.integer();
  const numberAt = reader.position;
  const end = numberAt + length;
  if (reader.isOver || end > packet.length || length < 4 + SAMPLE_OCTETS + TAG_OCTETS) return undefined;
  if (destinationOctets > CONNECTION_ID_OCTETS_MAX) return undefined;
  return {
    destinationConnectionId: packet.subarray(destinationAt, destinationAt + destinationOctets),
    numberAt,
    end,
  };
}

/** RFC 9000 section 16: integers of 1, 2, 4 or 8 octets. Past the end everything is 0 and `isOver` true. */
class VariableReader {
  position: number;
  isOver = false;
  readonly #octets: Uint8Array;

  constructor(octets: Uint8Array, position: number) {
    this.#octets = octets;
    this.position = position;
  }

  octet(): number {
    const value = this.#octets[this.position];
    this.position += 1;
    if (value !== undefined) return value;
    this.isOver = true;
    return 0;
  }

  integer(): number {
    const first = this.octet();
    let value = first & 0x3f;
    for (let left = (1 << (first >> 6)) - 1; left > 0; left -= 1) value = value * 256 + this.octet();
    return value;
  }

  skip(octets: number): void {
    this.position += octets;
    if (this.position > this.#octets.length) this.isOver = true;
  }
}

/** RFC 9001 sections 5.3 and 5.4: takes off the header protection, then AEAD_AES_128_GCM. */
function decrypt(packet: Uint8Array, fields: InitialFields, version: QuicVersion): Buffer | undefined {
  const { destinationConnectionId, numberAt, end } = fields;
  const { labelPrefix, salt } = version;
  const initialSecret = createHmac('sha256', salt).update(destinationConnectionId).digest();
  const secret = expandLabel(initialSecret, 'client in', 32);
  const header = Buffer.from(packet.subarray(0, numberAt + 4));
  const protection = createCipheriv('aes-128-ecb', expandLabel(secret, `${labelPrefix} hp`, 16), null);
  const mask = protection.update(packet.subarray(numberAt + 4, numberAt + 4 + SAMPLE_OCTETS));
  header[0]! ^= mask[0]! & 0x0f;
  const numberOctets = (header[0]! & 3) + 1;
  const nonce = expandLabel(secret, `${labelPrefix} iv`, 12);
  for (let index = 0; index < numberOctets; index += 1) {
    header[numberAt + index]! ^= mask[1 + index]!;
    nonce[12 - numberOctets + index]! ^= header[numberAt + index]!;
  }
  const decipher = createDecipheriv('aes-128-gcm', expandLabel(secret, `${labelPrefix} key`, 16), nonce);
  decipher.setAAD(header.subarray(0, numberAt + numberOctets));
  decipher.setAuthTag(packet.subarray(end - TAG_OCTETS, end));
  try {
    const payload = decipher.update(packet.subarray(numberAt + numberOctets, end - TAG_OCTETS));
    decipher.final();
    return payload;
  } catch {
    return undefined;
  }
}

/** HKDF-Expand-Label of RFC 8446 section 7.1 with an empty context, for at most 32 octets. */
function expandLabel(secret: Buffer, label: string, octets: number): Buffer {
  const text = `tls13 ${label}`;
  const information = Buffer.from(`\0${String.fromCharCode(octets, text.length)}${text}\0\x01`, 'latin1');
  return createHmac('sha256', secret).update(information).digest().subarray(0, octets);
}

/** Puts the CRYPTO frames together by their offsets, as they come in any order. */
function takeFrames(payload: Uint8Array, hello: PartialHello): void {
  const reader = new VariableReader(payload, 0);
  for (let count = 0; count < FRAMES_MAX && reader.position < payload.length; ) {
    const type = reader.octet();
    if (type === FRAME_PADDING) continue;
    count += 1;
    if (type === FRAME_PING) continue;
    if (type !== FRAME_CRYPTO) break;
    const offset = reader.integer();
    const octets = reader.integer();
    const from = reader.position;
    reader.skip(octets);
    if (reader.isOver || offset + octets > HELLO_OCTETS_MAX) break;
    hello.put(payload.subarray(from, from + octets), offset);
  }
}
