import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SAMPLERS_PER_DOMAIN_MAX, SamplingState, SharedSampling } from './sampling-state.ts';

describe('SamplingState', () => {
  test('one sampler speaks for records that name none', () => {
    const sampling = new SamplingState();
    sampling.setSamplerRate(1, 100);
    expect(sampling.onlyRate).toBe(100);
  });

  test('of two samplers with different rates the last does not win', () => {
    const sampling = new SamplingState();
    sampling.setSamplerRate(1, 100);
    sampling.setSamplerRate(2, 1000);
    expect(sampling.onlyRate).toBe(0);
    expect(sampling.rateOf(1, -1)).toBe(100);
    expect(sampling.rateOf(2, -1)).toBe(1000);
    expect(sampling.rateOf(-1, -1)).toBe(0);
  });

  test('the rate of an interface says nothing about others', () => {
    const sampling = new SamplingState();
    sampling.setInterfaceRate(7, 10);
    expect(sampling.onlyRate).toBe(0);
    expect(sampling.rateOf(-1, 7)).toBe(10);
    expect(sampling.rateOf(-1, 8)).toBe(0);
  });

  test('is bounded', () => {
    const sampling = new SamplingState();
    for (let id = 0; id < SAMPLERS_PER_DOMAIN_MAX + 10; id++) sampling.setSamplerRate(id, 5);
    expect(sampling.snapshot().samplers).toHaveLength(SAMPLERS_PER_DOMAIN_MAX);
  });

  test('agrees with a model that looks at all rates', () => {
    const change = fc.record({
      kind: fc.constantFrom('domain', 'sampler', 'interface'),
      id: fc.nat(3),
      rate: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const sampling = new SamplingState();
        const samplers = new Map<number, number>();
        const interfaces = new Map<number, number>();
        let domain = 0;
        for (const { kind, id, rate } of changes) {
          if (kind === 'domain') {
            domain = rate;
            sampling.setDomainRate(rate);
          }
          const rates = kind === 'sampler' ? samplers : interfaces;
          if (kind !== 'domain') rates.set(id, rate);
          if (kind === 'sampler') sampling.setSamplerRate(id, rate);
          if (kind === 'interface') sampling.setInterfaceRate(id, rate);
        }
        const rates = new Set([...samplers.values(), ...interfaces.values(), ...(domain ? [domain] : [])]);
        expect(sampling.isEmpty).toBe(rates.size === 0);
        // Records that are no interface's and name no sampler have the domain's rate, and it has to be known then.
        const uniform = rates.size === 1 && (interfaces.size === 0 || domain > 0);
        expect(sampling.onlyRate).toBe(uniform ? [...rates][0] : 0);
        expect(sampling.rateOf(2, 3)).toBe(samplers.get(2) ?? interfaces.get(3) ?? domain);
      }),
    );
  });
});

describe('several domains of one exporter', () => {
  function domains() {
    const shared = new SharedSampling();
    return [1, 2, 3].map((id) => new SamplingState(shared, id)) as [
      SamplingState,
      SamplingState,
      SamplingState,
    ];
  }

  test('what one tells of samplers and interfaces holds for those that tell nothing', () => {
    const [one, other] = domains();
    one.setSamplerRate(5, 100);
    one.setInterfaceRate(7, 10);
    expect(other.isEmpty).toBe(false);
    expect([other.rateOf(5, -1), other.rateOf(-1, 7), other.rateOf(-1, 1, 7), other.rateOf(6, 1)]).toEqual([
      100, 10, 10, 0,
    ]);
    other.setSamplerRate(5, 2000);
    expect([one.rateOf(5, -1), other.rateOf(5, -1)]).toEqual([100, 2000]);
  });

  test('where two contradict each other, a third knows nothing', () => {
    const [one, other, third] = domains();
    one.setSamplerRate(5, 100);
    other.setSamplerRate(5, 100);
    expect(third.rateOf(5, -1)).toBe(100);
    other.setSamplerRate(5, 200);
    expect(third.rateOf(5, -1)).toBe(0);
    expect(third.onlyRate).toBe(0);
  });

  test('the rate of a domain is its own; the rate of the exporter is that of all without one', () => {
    const [one, other, third] = domains();
    one.setDomainRate(50);
    expect([one.onlyRate, other.onlyRate]).toEqual([50, 0]);
    one.setDomainRate(64, true);
    expect([one.onlyRate, other.onlyRate, third.rateOf(9, 9)]).toEqual([64, 64, 64]);
    one.setOtherDomainRate(3, 7);
    expect([one.onlyRate, other.onlyRate, third.onlyRate]).toEqual([64, 64, 7]);
    expect(one.snapshot()).toMatchObject({ domainRate: 64, others: [[3, 7]] });
  });
});
