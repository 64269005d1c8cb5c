/** `struct ifreq` and the ioctls of netdevice(7): what the kernel says of one interface. */
import { UserError } from '@weir/base';
import type { Libc } from './libc.ts';

const SIOCGIFNAME = 0x8910;
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const IFREQ_OCTETS = 40;
/** IFNAMSIZ counts the final zero. */
const INTERFACE_NAME_OCTETS_MAX = 15;
export const IFF_UP = 1;
export const IFF_LOOPBACK = 8;

export interface InterfaceIdentity {
  readonly interfaceIndex: number;
  /** ARPHRD number, linux/if_arp.h. */
  readonly hardwareType: number;
  /** The MAC address where the hardware type is Ethernet-like, else undefined octets. */
  readonly hardwareAddress: Uint8Array;
}

/** Index and hardware type of an interface, as seen from the namespace of the socket `fd`. */
export function identifyInterface(c: Libc, fd: number, interfaceName: string): InterfaceIdentity {
  const index = request(c, fd, SIOCGIFINDEX, interfaceName);
  const hardware = request(c, fd, SIOCGIFHWADDR, interfaceName);
  if (index === undefined || hardware === undefined) {
    throw new UserError(
      'interface_unknown',
      `interface ${JSON.stringify(interfaceName)}: there is none of this name`,
    );
  }
  return {
    interfaceIndex: index.getInt32(16, true),
    hardwareType: hardware.getUint16(16, true),
    hardwareAddress: new Uint8Array(hardware.buffer, 18, 6),
  };
}

/** Whether the interface exists, by whatever name, and is administratively up. */
export function isInterfaceUp(c: Libc, fd: number, interfaceIndex: number): boolean {
  const name = nameOf(c, fd, interfaceIndex);
  const flags = name === undefined ? undefined : request(c, fd, SIOCGIFFLAGS, name);
  return flags !== undefined && (flags.getUint16(16, true) & IFF_UP) !== 0;
}

function nameOf(c: Libc, fd: number, interfaceIndex: number): string | undefined {
  const ifreq = new Uint8Array(IFREQ_OCTETS);
  new DataView(ifreq.buffer).setInt32(16, interfaceIndex, true);
  if (c.ioctl(fd, SIOCGIFNAME, ifreq) !== 0) return undefined;
  return new TextDecoder().decode(ifreq.subarray(0, ifreq.indexOf(0)));
}

/** The filled ifreq, its union at offset 16; undefined when the interface does not exist. */
function request(c: Libc, fd: number, code: number, interfaceName: string): DataView | undefined {
  const name = new TextEncoder().encode(interfaceName);
  if (name.length === 0 || name.length > INTERFACE_NAME_OCTETS_MAX) return undefined;
  const ifreq = new Uint8Array(IFREQ_OCTETS);
  ifreq.set(name);
  return c.ioctl(fd, code, ifreq) === 0 ? new DataView(ifreq.buffer) : undefined;
}
