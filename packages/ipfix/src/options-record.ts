/**
 * What options records say that decoding needs: sampling rates (RFC 5476, RFC 3954 section 8, Cisco's
 * samplers) and the time from which an IPFIX exporter counts its uptimes.
 */
import { samplingRateOfSpace } from './column-kernels-rare.ts';
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

/** To whom a rate applies: the sampler that is named, else the interface that is the scope, else all. */
function applyRate(rate: number, all: FieldMap, scope: FieldMap, { sampling }: DomainState): void {
  const samplerId = all['samplerId'] ?? all['selectorId'];
  const ifIndex = scope['ingressInterface'];
  if (typeof samplerId === 'number') sampling.setSamplerRate(samplerId, rate);
  else if (typeof ifIndex === 'number' && ifIndex !== 0) sampling.setInterfaceRate(ifIndex, rate);
  else sampling.setDomainRate(rate);
}

/**
 * One in so many packets, or 0 when the record does not say: 34 (samplingInterval), 50
 * (samplerRandomInterval), 305 with 306 (interval and space), 309 with 310 (n out of N), 311 (probability).
 */
export function samplingRateOf(fields: FieldMap): number {
  const interval = positive(fields['samplingInterval']) || positive(fields['samplerRandomInterval']);
  if (interval > 0) return interval;
  const packets = positive(fields['samplingPacketInterval']);
  if (packets > 0) return samplingRateOfSpace(packets, positive(fields['samplingPacketSpace']));
  const size = positive(fields['samplingSize']);
  if (size > 0) return Math.round(positive(fields['samplingPopulation']) / size);
  const probability = positive(fields['samplingProbability']);
  return probability > 0 ? Math.min(0xffffffff, Math.round(1 / probability)) : 0;
}

function positive(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(value, 0xffffffff) : 0;
}
