import type { DecoderSnapshot, ExporterIdentity } from '@weir/ipfix';

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
