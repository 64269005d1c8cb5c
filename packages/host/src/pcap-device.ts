/**
 * The devices of libpcap. Windows names interfaces in two ways: by what the user sees (`Ethernet 2`, as Node
 * has it) and by what Npcap wants (`\Device\NPF_{…}`); their addresses tell which is which.
 *
 *   struct pcap_if    0 next  8 name  16 description  24 addresses  32 flags
 *   struct pcap_addr  0 next  8 addr  16 netmask  24 broadaddr  32 dstaddr
 */
import { UserError } from '@weir/base';
import { libraryMessage, MESSAGE_OCTETS, type PcapLibrary } from './pcap-library.ts';

const POINTER_OCTETS = 8;
const DEVICE_WORDS = 4;
const ADDRESS_WORDS = 2;
/** struct sockaddr_in6; a sockaddr_in has 16 octets of it. */
const SOCKET_ADDRESS_OCTETS = 28;
const AF_INET = 2;
/** Far more than any machine has; a list that leads back into itself ends. */
const LIST_LENGTH_MAX = 4096;

/** The name of the device that has one of `addresses` (4 or 16 octets each). Throws `interface_unknown`. */
export function deviceWithAddress(
  library: PcapLibrary,
  interfaceName: string,
  addresses: readonly Uint8Array[],
): string {
  const list = new BigUint64Array(1);
  const message = new Uint8Array(MESSAGE_OCTETS);
  if (library.findAllDevices(list, message) !== 0) {
    throw new UserError('pcap_failed', `cannot list the capture devices: ${libraryMessage(message)}`);
  }
  try {
    const wanted = new Set(addresses.map(String));
    for (const [, name = 0n, , first = 0n] of linkedList(library, list[0] ?? 0n, DEVICE_WORDS)) {
      for (const [, address = 0n] of linkedList(library, first, ADDRESS_WORDS)) {
        if (address !== 0n && wanted.has(String(octetsOf(library, address)))) return textAt(library, name);
      }
    }
  } finally {
    if (list[0] !== undefined && list[0] !== 0n) library.freeAllDevices(list[0]);
  }
  throw new UserError(
    'interface_unknown',
    `interface ${JSON.stringify(interfaceName)}: no capture device has its address`,
  );
}

/** The leading words of each entry of a list whose first word leads on. */
function linkedList(library: PcapLibrary, first: bigint, words: number): BigUint64Array[] {
  const entries: BigUint64Array[] = [];
  for (let at = first; at !== 0n && entries.length < LIST_LENGTH_MAX; ) {
    const entry = new BigUint64Array(words);
    library.copyMemory(new Uint8Array(entry.buffer), at, words * POINTER_OCTETS);
    entries.push(entry);
    at = entry[0] ?? 0n;
  }
  return entries;
}

/** The IP address in a struct sockaddr; of other families, octets that no IP address has. */
function octetsOf(library: PcapLibrary, address: bigint): Uint8Array {
  const short = new Uint8Array(16);
  library.copyMemory(short, address, short.length);
  const family = (short[0] ?? 0) | ((short[1] ?? 0) << 8);
  if (family === AF_INET) return short.subarray(4, 8);
  if (family !== AF_INET6) return new Uint8Array(0);
  const long = new Uint8Array(SOCKET_ADDRESS_OCTETS);
  library.copyMemory(long, address, long.length);
  return long.subarray(8, 24);
}

const AF_INET6 = process.platform === 'win32' ? 23 : 10;

function textAt(library: PcapLibrary, address: bigint): string {
  const text = new Uint8Array(Number(library.textOctets(address)));
  if (text.length > 0) library.copyMemory(text, address, text.length);
  return new TextDecoder().decode(text);
}
