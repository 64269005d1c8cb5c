/**
 * What options records say that decoding needs: sampling rates (RFC 5476, RFC 3954 section 8, Cisco's
 * samplers) and the time from which an IPFIX exporter counts its uptimes.
 */
import { samplingRateOfPopulation, samplingRateOfSpace } from './column-kernels-rare.ts';
import type { DomainState } from './domain-state.ts';
import type { FieldMap, RecordFields } from './field-value.ts';

/** Takes an options record into the state of its domain. */
export function applyOptionsRecord(record: RecordFields, domain: DomainState): void {
  const all = { ...record.scope, ...record.fields };
  const initTime = all['systemInitTimeMilliseconds'];
  if (typeof initTime === 'string') domain.systemInitTimeMs = Date.parse(initTime) || 0;
  const rate = samplingRateOf(all);
  if (rate > 0) applyRate(rate, all, record.scope ?? {}, domain);
}

/** Scopes that stand for the exporter as a whole; v9's System is the first. */
const EXPORTER_SCOPES = ['exportingProcessId', 'exporterIPv4Address', 'exporterIPv6Address'];

/**
 * To whom a rate applies: the sampler that is named, else the interface or the observation domain that is the
 * scope, else all of this domain; where the scope is the exporter, also its domains that say nothing of their own.
 */
function applyRate(rate: number, all: FieldMap, scope: FieldMap, domain: DomainState): void {
  const { sampling, version, observationDomainId } = domain;
  const samplerId = all['samplerId'] ?? all['selectorId'];
  const interfaces = [scope['ingressInterface'], scope['egressInterface']].filter(isIdentifier);
  const scopeDomain = scope['observationDomainId'];
  if (typeof samplerId === 'number') {
    sampling.setSamplerRate(samplerId, rate);
  } else if (interfaces.length > 0) {
    for (const ifIndex of interfaces) sampling.setInterfaceRate(ifIndex, rate);
  } else if (isIdentifier(scopeDomain) && scopeDomain !== observationDomainId) {
    sampling.setOtherDomainRate(scopeDomain, rate);
  } else {
    // RFC 7011 section 3.1: a message of domain 0 is about the Exporting Process.
    const ofExporter = EXPORTER_SCOPES.some((name) => scope[name] !== undefined);
    sampling.setDomainRate(rate, ofExporter || (version === 10 && observationDomainId === 0));
  }
}

function isIdentifier(value: unknown): value is number {
  return typeof value === 'number' && value > 0;
}

/** selectorAlgorithm (304): which elements say the rate. IOS-XR sends those of two algorithms in one record. */
const RATES_BY_ALGORITHM: Readonly<Record<number, (fields: FieldMap) => number>> = {
  1: packetSpaceRate,
  2: timeSpaceRate,
  3: populationRate,
  4: probabilityRate,
};

/**
 * One in so many packets, or 0 when the record does not say: what its selectorAlgorithm asks for, else 34
 * (samplingInterval), 50 (samplerRandomInterval), 305 with 306 (packets, interval and space), 309 with 310 (n out
 * of N), 311 (probability), 307 with 308 (time, interval and space).
 */
export function samplingRateOf(fields: FieldMap): number {
  const rateOf = RATES_BY_ALGORITHM[Number(fields['selectorAlgorithm'])];
  return (
    (rateOf?.(fields) ?? 0) ||
    positive(fields['samplingInterval']) ||
    positive(fields['samplerRandomInterval']) ||
    packetSpaceRate(fields) ||
    populationRate(fields) ||
    probabilityRate(fields) ||
    timeSpaceRate(fields)
  );
}

/** Without a space, exporters mean one in so many by the interval. */
function packetSpaceRate(fields: FieldMap): number {
  const interval = positive(fields['samplingPacketInterval']);
  const space = fields['samplingPacketSpace'];
  return space === undefined ? interval : samplingRateOfSpace(interval, positive(space));
}

function timeSpaceRate(fields: FieldMap): number {
  return samplingRateOfSpace(positive(fields['samplingTimeInterval']), positive(fields['samplingTimeSpace']));
}

function populationRate(fields: FieldMap): number {
  return samplingRateOfPopulation(positive(fields['samplingSize']), positive(fields['samplingPopulation']));
}

function probabilityRate(fields: FieldMap): number {
  const probability = positive(fields['samplingProbability']);
  return probability > 0 ? Math.min(0xffffffff, Math.round(1 / probability)) : 0;
}

function positive(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(value, 0xffffffff) : 0;
}
