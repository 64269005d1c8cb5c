import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDomainState, type DomainState, type ExporterScope } from './domain-state.ts';
import { type PendingLimits, PendingSets, type UndecodedSet } from './pending-sets.ts';
import { SharedSampling } from './sampling-state.ts';
import { TemplateBudget } from './template-budget.ts';

const LIMITS: PendingLimits = {
  octetsPerExporterMax: 60,
  setsPerExporterMax: 5,
  octetsMax: 100,
  setsMax: 8,
  ageMsMax: 1000,
};

function domain(name: string): DomainState {
  const scope: ExporterScope = {
    key: name,
    session: { exporterAddress: name, localSocket: '', transport: 'udp', source: '' },
    domains: new Map(),
    templateBudget: new TemplateBudget({ fields: 0 }),
    sampling: new SharedSampling(),
    pendingOctets: 0,
    pendingSets: 0,
    proven: false,
    established: false,
    evicted: false,
  };
  return createDomainState(scope, 10, 0);
}

function undecoded(of: DomainState, setId: number, octets: number, receivedAtMs: number): UndecodedSet {
  const body = new Uint8Array(octets);
  return {
    domain: of,
    setId,
    body,
    receivedAtMs,
    offset: 0,
    exportTimeMs: 0,
    headerUptimeMs: 0,
    sequenceNumber: 0,
  };
}

describe('PendingSets', () => {
  test('agrees with a list of everything that waits, and its counters add up', () => {
    const step = fc.record({
      kind: fc.constantFrom('keep', 'keep', 'keep', 'take', 'forget'),
      exporter: fc.nat(2),
      setId: fc.integer({ min: 256, max: 258 }),
      octets: fc.nat(40),
      afterMs: fc.nat(400),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pending = new PendingSets(LIMITS);
        const domains = [domain('a'), domain('b'), domain('c')];
        let model: UndecodedSet[] = [];
        let nowMs = 0;
        for (const { kind, exporter, setId, octets, afterMs } of steps) {
          nowMs += afterMs;
          const of = domains[exporter]!;
          if (kind !== 'forget') model = model.filter((set) => nowMs - set.receivedAtMs <= LIMITS.ageMsMax);
          if (kind === 'keep') {
            const set = undecoded(of, setId, octets, nowMs);
            const own = model.filter((other) => other.domain === of);
            const roomy =
              sum(own) + octets <= LIMITS.octetsPerExporterMax && own.length < LIMITS.setsPerExporterMax;
            expect(pending.keep(set)).toBe(roomy);
            if (roomy) model.push(set);
            while (sum(model) > LIMITS.octetsMax || model.length > LIMITS.setsMax) model.shift();
          } else if (kind === 'take') {
            const expected = model.filter((set) => set.domain === of && set.setId === setId);
            expect(pending.take(of, setId, nowMs)).toEqual(expected);
            model = model.filter((set) => !expected.includes(set));
          } else {
            pending.forget(of);
            model = model.filter((set) => set.domain !== of);
          }
          if (kind === 'take' && pending.size === 0) model = [];
          expect([pending.size, pending.octets]).toEqual([model.length, sum(model)]);
        }
        const { kept, replayed, expired } = pending.counters;
        expect(kept - replayed - expired).toBe(pending.size);
        for (const { scope } of domains) {
          const own = model.filter((set) => set.domain.scope === scope);
          expect([scope.pendingSets, scope.pendingOctets]).toEqual([own.length, sum(own)]);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function sum(sets: readonly UndecodedSet[]): number {
  return sets.reduce((octets, set) => octets + set.body.length, 0);
}
