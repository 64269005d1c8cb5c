/**
 * Names that an exporter gives to what its records number: interfaces, and who is behind an overlay address.
 *
 * Hot file: typed-array reads are asserted (`!`); rows are below the batch's capacity.
 */
import type { ExporterIdentity, FlowBatch } from '@weir/ipfix';
import type { KnownExporter } from '../exporter-knowledge.ts';
import type { BatchStage } from './batch-stage.ts';
import { LabelCache, UNKNOWN } from './label-cache.ts';
import type { LabelColumn, LabelStore } from './label-store.ts';
import { bitmapOf } from './session-records.ts';

/** 4,096 interfaces that are busy at a time; 12 octets each. */
const INTERFACE_SLOTS = 4096;
/** 8,192 addresses that are busy at a time; 24 octets each. */
const PEER_SLOTS = 8192;

/** Names of exporters, as far as they are known. */
export interface NamesOfExporters {
  /** Nothing is known of anybody: the stage has nothing to do. */
  readonly size: number;
  of(exporter: ExporterIdentity): KnownExporter;
}

type Side = 'src' | 'dst';

export function createKnowledgeStage(names: NamesOfExporters, labels: LabelStore): BatchStage {
  const known: KnownExporter[] = [];
  const interfaces = new LabelCache(labels, 2, INTERFACE_SLOTS);
  const peers = new LabelCache(labels, 5, PEER_SLOTS);
  const users = new LabelCache(labels, 5, PEER_SLOTS);

  function nameInterfaces(
    batch: FlowBatch,
    from: number,
    to: number,
    column: 'inIf' | 'outIf',
    label: LabelColumn,
  ): void {
    const { exporter } = batch.columns;
    const numbers = batch.columns[column];
    const isPresent = bitmapOf(batch.validity, column);
    const { key } = interfaces;
    for (let row = from; row < to; row += 1) {
      if ((isPresent[row >> 3]! & (1 << (row & 7))) === 0) continue;
      const who = known[exporter[row]!]!;
      key[0] = who.generation;
      key[1] = numbers[row]!;
      let number = interfaces.find();
      if (number === UNKNOWN) number = interfaces.keep(who.interfaceName(numbers[row]!));
      if (number !== 0) labels.put(batch, label, row, number);
    }
  }

  function namePeers(batch: FlowBatch, from: number, to: number, side: Side): void {
    const { exporter } = batch.columns;
    const hi = batch.columns[`${side}AddrHi`];
    const lo = batch.columns[`${side}AddrLo`];
    const isPresent = bitmapOf(batch.validity, `${side}AddrLo`);
    for (let row = from; row < to; row += 1) {
      if ((isPresent[row >> 3]! & (1 << (row & 7))) === 0) continue;
      const who = known[exporter[row]!]!;
      const at = row * 2;
      setKey(peers.key, who, hi, lo, at);
      let number = peers.find();
      let user = UNKNOWN;
      if (number !== UNKNOWN) {
        setKey(users.key, who, hi, lo, at);
        user = users.find();
      }
      if (number === UNKNOWN || user === UNKNOWN) {
        const peer = who.peer(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!);
        number = peers.keep(peer?.name);
        setKey(users.key, who, hi, lo, at);
        users.find();
        user = users.keep(peer?.user);
      }
      if (number !== 0) labels.put(batch, `${side}Peer`, row, number);
      if (user !== 0) labels.put(batch, `${side}User`, row, user);
    }
  }

  return {
    apply(batch, from, to) {
      if (names.size === 0) return;
      known.length = 0;
      for (const exporter of batch.exporters) known.push(names.of(exporter));
      nameInterfaces(batch, from, to, 'inIf', 'inIfName');
      nameInterfaces(batch, from, to, 'outIf', 'outIfName');
      namePeers(batch, from, to, 'src');
      namePeers(batch, from, to, 'dst');
    },
  };
}

function setKey(
  key: Int32Array,
  { generation }: KnownExporter,
  hi: Uint32Array,
  lo: Uint32Array,
  at: number,
): void {
  key[0] = generation;
  key[1] = hi[at + 1]!;
  key[2] = hi[at]!;
  key[3] = lo[at + 1]!;
  key[4] = lo[at]!;
}
