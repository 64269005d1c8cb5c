import type { DecoderSnapshot, ExporterIdentity, OptionsRecord } from '@weir/ipfix';

/** An interface as its exporter names it. */
export interface InterfaceName {
  /** SNMP ifIndex, as in the columns `inIf` and `outIf`. */
  readonly ifIndex: number;
  readonly name: string;
  readonly description: string | undefined;
}

export type SamplingRates = DecoderSnapshot['exporters'][number]['domains'][number]['sampling'];

/** What one observation domain of one exporter said of itself in options records. */
export interface ExporterOptions extends ExporterIdentity {
  readonly interfaces: readonly InterfaceName[];
  /** Rates by sampler, by interface and for the domain; 0 where none is known. */
  readonly sampling: SamplingRates;
}

/** Large chassis have some thousand interfaces, subscribers' ones included. 4,096 × ~150 octets = 600 KiB. */
const INTERFACES_PER_DOMAIN_MAX = 4096;
/** Longer than any name that a router allows; the rest of a longer one is cut. */
const NAME_CHARACTERS_MAX = 255;

/** Collects what options records tell beyond what the decoder itself keeps (sampling, boot times). */
export interface ExporterOptionsStore {
  /** Names that were not kept because a domain had too many. */
  readonly refused: number;
  take(record: OptionsRecord): void;
  /** The names of a domain's interfaces, in the order in which they were first told. */
  interfacesOf(exporter: ExporterIdentity): InterfaceName[];
}

/** Keeps names for as long as the decoder keeps the exporter. */
export function createExporterOptionsStore(): ExporterOptionsStore {
  const names = new WeakMap<ExporterIdentity, Map<number, InterfaceName>>();
  let refused = 0;

  return {
    get refused() {
      return refused;
    },
    take({ exporter, scope, fields }) {
      const told = interfaceOf({ ...scope, ...fields });
      if (told === undefined) return;
      const known = names.get(exporter) ?? new Map<number, InterfaceName>();
      names.set(exporter, known);
      if (known.size >= INTERFACES_PER_DOMAIN_MAX && !known.has(told.ifIndex)) refused += 1;
      else known.set(told.ifIndex, told);
    },
    interfacesOf: (exporter) => [...(names.get(exporter)?.values() ?? [])],
  };
}

/** RFC 5102 names an interface by 82 and 83; the index is a scope or a field of the same record. */
function interfaceOf(fields: Record<string, unknown>): InterfaceName | undefined {
  const ifIndex = fields['ingressInterface'] ?? fields['egressInterface'];
  const name = textOf(fields['interfaceName']);
  const description = textOf(fields['interfaceDescription']);
  if (typeof ifIndex !== 'number' || (name === undefined && description === undefined)) return undefined;
  return { ifIndex, name: name ?? description ?? '', description };
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  return value.slice(0, NAME_CHARACTERS_MAX);
}
