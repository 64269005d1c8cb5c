/** Names of this machine's own interfaces and of the peers of its overlays: what option records tell of others. */
import type { KnownExporter } from '../exporter-knowledge.ts';
import { createPeerPrefixes, type PeerPrefixes } from '../peer-prefixes.ts';
import type { NamesOfExporters } from './knowledge-stage.ts';

/** Structured-cloneable. */
export interface LocalNameList {
  readonly interfaces: readonly { readonly ifIndex: number; readonly name: string }[];
  readonly peers: readonly {
    readonly name: string;
    /** Empty where it is not known. */
    readonly user: string;
    /** In CIDR notation. */
    readonly prefixes: readonly string[];
  }[];
}

export interface LocalNames extends NamesOfExporters {
  /** Replaces all names. */
  set(list: LocalNameList): void;
}

/** The same names for every exporter, because there is but one: this machine. */
export function createLocalNames(): LocalNames {
  let interfaces = new Map<number, string>();
  let peers: PeerPrefixes = createPeerPrefixes();
  let generation = 0;
  let size = 0;
  const known: KnownExporter = {
    get generation() {
      return generation;
    },
    interfaceName: (ifIndex) => interfaces.get(ifIndex),
    applicationName: () => undefined,
    vrfName: () => undefined,
    peer: (...words) => peers.find(...words),
  };

  return {
    get size() {
      return size;
    },
    of: () => known,
    set(list) {
      interfaces = new Map(list.interfaces.map(({ ifIndex, name }) => [ifIndex, name]));
      peers = createPeerPrefixes();
      for (const { name, user, prefixes } of list.peers) {
        for (const prefix of prefixes) peers.put(prefix, { name, user: user === '' ? undefined : user });
      }
      generation += 1;
      size = list.interfaces.length + list.peers.length;
    },
  };
}
