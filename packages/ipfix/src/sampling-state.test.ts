import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SAMPLERS_PER_DOMAIN_MAX, SamplingState } from './sampling-state.ts';

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
        const uniform = rates.size === 1 && (interfaces.size === 0 || domain > 0);
        expect(sampling.onlyRate).toBe(uniform ? [...rates][0] : 0);
        expect(sampling.rateOf(2, 3)).toBe(samplers.get(2) ?? interfaces.get(3) ?? domain);
      }),
    );
  });
});
