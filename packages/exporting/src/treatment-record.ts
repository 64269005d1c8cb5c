/** What was done to the records of a collector, told to it: sampling (RFC 7014) and anonymisation (RFC 6235). */
import { type EncodableRecord, elementById, type FieldSpecifier, type Template } from '@weir/ipfix';
import { OPTIONS_TEMPLATE_ID_FIRST } from './export-template.ts';
import type { FlowSampler } from './flow-sampler.ts';
import type { Anonymisation, Sampling } from './profile-collector.ts';
import { type ColdMessage, encodeOptionRecords, encodeTemplates } from './template-message.ts';

function iana(elementId: number, length: number): FieldSpecifier {
  return { enterpriseNumber: 0, elementId, length };
}

/** observationDomainId, selectorId. */
const SELECTOR_SCOPE = [iana(149, 4), iana(302, 8)];
/** selectorIDTotalFlowsObserved, selectorIDTotalFlowsSelected. */
const SELECTOR_TOTALS = [iana(394, 8), iana(395, 8)];
/** Each collector's stream has one selector. */
const SELECTOR_ID = 1;
/** IANA's flowSelectorAlgorithm: systematic count-based sampling, uniform probabilistic sampling. */
const ALGORITHMS: Readonly<Record<Sampling['kind'], number>> = { deterministic: 1, random: 4 };

/** flowSelectorAlgorithm, samplingFlowInterval, samplingFlowSpacing. */
const DETERMINISTIC_SAMPLING: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 5,
  scopeFieldCount: SELECTOR_SCOPE.length,
  fields: [...SELECTOR_SCOPE, iana(390, 2), iana(396, 8), iana(397, 8), ...SELECTOR_TOTALS],
};

/** flowSelectorAlgorithm, samplingProbability. */
const RANDOM_SAMPLING: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 6,
  scopeFieldCount: SELECTOR_SCOPE.length,
  fields: [...SELECTOR_SCOPE, iana(390, 2), iana(311, 8), ...SELECTOR_TOTALS],
};

/** RFC 6235 section 7: templateId, informationElementId; anonymizationFlags, anonymizationTechnique. */
const ANONYMISATION: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 7,
  scopeFieldCount: 2,
  fields: [iana(145, 2), iana(303, 2), iana(285, 2), iana(286, 2)],
};
/** RFC 6235 section 7.2.3: "Stable": the same address is mapped to the same one, always and for everybody. */
const STABLE = 3;
/** RFC 6235 section 7.2.4: "Structured Permutation", "Precision Degradation/Truncation". */
const TECHNIQUES: Readonly<Record<Anonymisation['kind'], number>> = { cryptoPan: 6, truncation: 2 };

export function samplingTemplate({ kind }: Sampling): Template {
  return kind === 'random' ? RANDOM_SAMPLING : DETERMINISTIC_SAMPLING;
}

export function samplingRecord(
  { sampling, observed, selected }: FlowSampler,
  observationDomainId: number,
): { template: Template; record: EncodableRecord } {
  const { kind, interval } = sampling;
  const how: EncodableRecord['fields'] =
    kind === 'random'
      ? { samplingProbability: 1 / interval }
      : { samplingFlowInterval: 1, samplingFlowSpacing: interval - 1 };
  return {
    template: samplingTemplate(sampling),
    record: {
      scope: { observationDomainId, selectorId: SELECTOR_ID },
      fields: {
        flowSelectorAlgorithm: ALGORITHMS[kind],
        ...how,
        selectorIDTotalFlowsObserved: observed,
        selectorIDTotalFlowsSelected: selected,
      },
    },
  };
}

/** The Options Template of anonymisation records, in the domain of the templates that they are about. */
export function anonymisationTemplate(observationDomainId: number, messageOctetsMax: number): ColdMessage[] {
  return encodeTemplates([ANONYMISATION], observationDomainId, messageOctetsMax);
}

/** A record for each address of each template. */
export function anonymisationRecords(
  templates: readonly Template[],
  { kind }: Anonymisation,
  observationDomainId: number,
  messageOctetsMax: number,
): ColdMessage[] {
  const records = templates.flatMap(({ templateId, fields }) =>
    fields.filter(isAddress).map(({ elementId }) => ({
      template: ANONYMISATION,
      record: {
        scope: { templateId, informationElementId: elementId },
        fields: { anonymizationFlags: STABLE, anonymizationTechnique: TECHNIQUES[kind] },
      },
    })),
  );
  return encodeOptionRecords(records, messageOctetsMax, observationDomainId);
}

function isAddress({ enterpriseNumber, elementId }: FieldSpecifier): boolean {
  const dataType = elementById(enterpriseNumber, elementId)?.dataType;
  return enterpriseNumber === 0 && (dataType === 'ipv4Address' || dataType === 'ipv6Address');
}
