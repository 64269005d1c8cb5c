/** The interfaces of this machine, and which of them to meter when nobody says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { IFF_LOOPBACK, IFF_UP } from './interface-request.ts';
import { LINKTYPE_ETHERNET, linkTypeOfHardware } from './link-type.ts';

/** Each metered interface costs a thread and a ring (RING_OCTETS_DEFAULT): 16 are half a GiB at most. */
export const INTERFACES_METERED_MAX = 16;

export interface NetworkInterface {
  readonly name: string;
  /**
   * ifIndex of the IF-MIB. Away from Linux it is the zone of the link-local address; an interface without one
   * has its place in the list, counted from 65536 on, so that no two are alike.
   */
  readonly interfaceIndex: number;
  /** The MAC address, six octets; undefined where there is none or the platform does not tell. */
  readonly hardwareAddress: Uint8Array | undefined;
  /** Literal addresses without prefix length. */
  readonly addresses: readonly string[];
  readonly mtu: number | undefined;
  /** LINKTYPE_ETHERNET or LINKTYPE_RAW. */
  readonly linkType: number;
  readonly up: boolean;
  readonly loopback: boolean;
  /** The bridge, bond or team that this interface is a port of. */
  readonly master: string | undefined;
  /**
   * The kind of device as the kernel names it: `vlan`, `bridge`, `wireguard`, …; undefined for plain ones.
   */
  readonly kind: string | undefined;
}

/**
 * All interfaces in order of index. Needs no privilege; complete on Linux, elsewhere those with an address.
 */
export function listInterfaces(): NetworkInterface[] {
  const interfaces = existsSync(SYSFS) ? readSysfs() : readNode();
  return interfaces.sort((a, b) => a.interfaceIndex - b.interfaceIndex);
}

export interface InterfaceChoice {
  readonly chosen: readonly NetworkInterface[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * The interfaces to meter by default: all that are up, loopback included, but no packet twice. A VLAN or
 * macvlan interface is left out because its parent sees its frames with their tags, and a port of a bridge,
 * bond or team because its master sees them.
 */
export function chooseInterfaces(
  interfaces: readonly NetworkInterface[],
  interfacesMax = INTERFACES_METERED_MAX,
): InterfaceChoice {
  const chosen: NetworkInterface[] = [];
  const skipped: { name: string; reason: string }[] = [];
  for (const candidate of interfaces) {
    const reason =
      reasonToSkip(candidate) ??
      (chosen.length === interfacesMax ? `at most ${interfacesMax} are metered unless named` : undefined);
    if (reason === undefined) chosen.push(candidate);
    else skipped.push({ name: candidate.name, reason });
  }
  return { chosen, skipped };
}

/** Kinds of device whose frames are seen on the device below them too. */
const KINDS_ABOVE_A_PARENT: readonly string[] = ['vlan', 'macvlan', 'ipvlan', 'macsec'];

function reasonToSkip({ up, master, kind }: NetworkInterface): string | undefined {
  if (!up) return 'it is down';
  if (master !== undefined) return `its traffic is seen on ${master}`;
  if (kind !== undefined && KINDS_ABOVE_A_PARENT.includes(kind)) {
    return `its traffic is seen on its parent (${kind})`;
  }
  return undefined;
}

const SYSFS = '/sys/class/net';

function readSysfs(): NetworkInterface[] {
  const addresses = networkInterfaces();
  return readdirSync(SYSFS)
    .filter((name) => existsSync(`${SYSFS}/${name}/ifindex`))
    .map((name) => {
      const flags = Number(readAttribute(name, 'flags'));
      return {
        name,
        interfaceIndex: Number(readAttribute(name, 'ifindex')),
        hardwareAddress: hardwareAddressOf(readAttribute(name, 'address')),
        addresses: (addresses[name] ?? []).map(({ address }) => address),
        mtu: Number(readAttribute(name, 'mtu')),
        linkType: linkTypeOfHardware(Number(readAttribute(name, 'type'))),
        up: (flags & IFF_UP) !== 0,
        loopback: (flags & IFF_LOOPBACK) !== 0,
        master: uevent(name, 'master', 'INTERFACE'),
        kind: uevent(name, '.', 'DEVTYPE'),
      };
    });
}

/** One attribute of an interface; empty when it vanished in between. */
function readAttribute(name: string, attribute: string): string {
  try {
    return readFileSync(`${SYSFS}/${name}/${attribute}`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** A property of an interface's uevent file, or of the interface that `link` points to. */
function uevent(name: string, link: string, property: string): string | undefined {
  const lines = readAttribute(name, `${link}/uevent`).split('\n');
  return lines.find((line) => line.startsWith(`${property}=`))?.slice(property.length + 1);
}

/** Interfaces as Node lists them: those that have an address and hence are up. */
function readNode(): NetworkInterface[] {
  return Object.entries(networkInterfaces()).map(([name, addresses = []], place) => ({
    name,
    interfaceIndex: zoneOf(addresses) ?? UNKNOWN_INDEX_MIN + place,
    hardwareAddress: hardwareAddressOf(addresses[0]?.mac ?? ''),
    addresses: addresses.map(({ address }) => address),
    mtu: undefined,
    linkType: LINKTYPE_ETHERNET,
    up: true,
    loopback: addresses.some(({ internal }) => internal),
    master: undefined,
    kind: undefined,
  }));
}

/** Above the indexes that systems give out. */
const UNKNOWN_INDEX_MIN = 65_536;

function zoneOf(addresses: readonly NetworkInterfaceInfo[]): number | undefined {
  return addresses.find(({ scopeid = 0 }) => scopeid > 0)?.scopeid;
}

function hardwareAddressOf(text: string): Uint8Array | undefined {
  if (!/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) || text === '00:00:00:00:00:00') return undefined;
  return Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16));
}
