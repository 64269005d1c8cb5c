/**
 * The server name in a TLS ClientHello, RFC 8446 section 4.1.2 and RFC 6066 section 3.
 *
 * +----+--------+---------+--------+------------+--------------+-------------+------------------------ - -
 * | 1  | length | version | random | session id | cipher suites| compression | extensions: type length data
 * +----+---3----+----2----+---32---+---1 + n----+----2 + n-----+----1 + n----+---2 + n × (2 + 2 + n)--- - -
 *
 * server_name: type 0, data = list length (2), name type 0 (1), name length (2), name. The reading stops where
 * the octets do: a hello may go on in another packet (hello-assembler.ts).
 */
const HANDSHAKE_CLIENT_HELLO = 1;
const RECORD_HANDSHAKE = 22;
const RECORD_HEADER_OCTETS = 5;
const HANDSHAKE_HEADER_OCTETS = 4;
const EXTENSION_SERVER_NAME = 0;
const NAME_TYPE_HOST = 0;
const EXTENSIONS_MAX = 128;

/** Whether a TLS record with a ClientHello begins at `at`. */
export function isClientHelloRecord(view: DataView, at: number, end: number): boolean {
  return (
    end - at > RECORD_HEADER_OCTETS &&
    view.getUint8(at) === RECORD_HANDSHAKE &&
    view.getUint8(at + 1) === 3 &&
    view.getUint8(at + RECORD_HEADER_OCTETS) === HANDSHAKE_CLIENT_HELLO
  );
}

/** Octets of the TLS record at `at`, its header included, that there are or are to come. */
export function octetsOfRecord(view: DataView, at: number): number {
  return RECORD_HEADER_OCTETS + view.getUint16(at + 3);
}

/** Octets of the ClientHello at `at`, of which there are four. */
export function octetsOfHello(view: DataView, at: number): number {
  return HANDSHAKE_HEADER_OCTETS + (view.getUint32(at) & 0xff_ffff);
}

/** The octets of the server name in the TLS record at `at`, where they are there. */
export function serverNameOfRecord(view: DataView, at: number, end: number): Uint8Array | undefined {
  return serverNameOfHello(view, at + RECORD_HEADER_OCTETS, end);
}

/** The octets of the server name in the ClientHello at `at`, where they are there. */
export function serverNameOfHello(view: DataView, at: number, end: number): Uint8Array | undefined {
  let position = at + HANDSHAKE_HEADER_OCTETS + 2 + 32;
  if (position >= end || view.getUint8(at) !== HANDSHAKE_CLIENT_HELLO) return undefined;
  position += 1 + view.getUint8(position);
  if (position + 2 > end) return undefined;
  position += 2 + view.getUint16(position);
  if (position >= end) return undefined;
  position += 1 + view.getUint8(position) + 2;
  for (let count = 0; count < EXTENSIONS_MAX && position + 4 <= end; count += 1) {
    const octets = view.getUint16(position + 2);
    if (view.getUint16(position) === EXTENSION_SERVER_NAME) return hostName(view, position + 4, octets, end);
    position += 4 + octets;
  }
  return undefined;
}

function hostName(view: DataView, at: number, octets: number, end: number): Uint8Array | undefined {
  if (octets < 5 || at + 5 > end || view.getUint8(at + 2) !== NAME_TYPE_HOST) return undefined;
  const length = view.getUint16(at + 3);
  if (length === 0 || length > octets - 5 || at + 5 + length > end) return undefined;
  return new Uint8Array(view.buffer, view.byteOffset + at + 5, length);
}
