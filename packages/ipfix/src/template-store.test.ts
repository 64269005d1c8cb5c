import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Template } from './template.ts';
import { TemplateBudget } from './template-budget.ts';
import { TemplateStore, type TemplateStoreCounters } from './template-store.ts';
import type { TransportKind } from './transport-session.ts';

function store(transport: TransportKind = 'udp') {
  const counters: TemplateStoreCounters = {
    templateRecords: 0,
    templateConflicts: 0,
    templateWithdrawals: 0,
    templatesRefused: 0,
  };
  const problems: string[] = [];
  const budget = new TemplateBudget({ fields: 1000 });
  const templates = new TemplateStore(transport, counters, budget);
  return {
    counters,
    budget,
    problems,
    templates,
    announce: (template: Template, exportTimeMs: number, options = false) =>
      templates.announce(template, options, exportTimeMs, 0, (problem) => problems.push(problem.code)),
    withdraw: (templateId: number, all?: 'templates' | 'optionsTemplates') =>
      templates.withdraw({ templateId, all, offset: 0 }, (problem) => problems.push(problem.code)),
    /** The length of the only field of the template that is found. */
    found: (exportTimeMs: number, octets = 0) =>
      templates.find(256, exportTimeMs, new Uint8Array(octets).fill(1), 0, octets)?.template.fields[0]
        ?.length,
  };
}

/** Template 256 of one field of `length` octets. */
function template(length: number): Template {
  return { templateId: 256, scopeFieldCount: 0, fields: [{ enterpriseNumber: 0, elementId: 1, length }] };
}

describe('TemplateStore', () => {
  test('a late datagram finds the template that was valid when it was sent', () => {
    const { announce, found } = store();
    expect(announce(template(4), 10_000)).toBe('added');
    expect(announce(template(8), 20_000)).toBe('redefined');
    expect([found(15_000), found(20_000), found(30_000)]).toEqual([4, 8, 8]);
  });

  test('a late announcement does not replace the newer template', () => {
    const { announce, found } = store();
    announce(template(8), 20_000);
    expect(announce(template(4), 10_000)).toBe('late');
    expect([found(15_000), found(25_000)]).toEqual([4, 8]);
  });

  test('an announcement from long ago says that the clock of the exporter was set', () => {
    const { announce, found } = store();
    announce(template(8), 20_000_000);
    expect(announce(template(4), 1000)).toBe('redefined');
    expect(found(2000)).toBe(4);
  });

  test('over TCP announcements hold in the order in which they come', () => {
    const { announce, found, problems } = store('tcp');
    announce(template(8), 20_000);
    expect(announce(template(4), 10_000)).toBe('redefined');
    expect(found(30_000)).toBe(4);
    expect(problems).toEqual(['template_conflict']);
  });

  test('a redefinition that nobody repeated is not used for Sets that fit only the one before', () => {
    const { announce, found } = store();
    announce(template(12), 10_000);
    announce(template(20), 11_000);
    expect(found(12_000, 12)).toBe(12);
    expect(found(12_000, 20)).toBe(20);
    announce(template(20), 13_000);
    expect(found(14_000, 12)).toBe(20);
  });

  test('what comes back is taken from the history and not counted against the limit again', () => {
    const { announce, found, counters } = store();
    for (let time = 0; time < 100; time++) announce(template(time % 2 === 0 ? 4 : 8), time * 1000);
    expect(counters).toMatchObject({ templateRecords: 100, templateConflicts: 99, templatesRefused: 0 });
    expect(found(200_000)).toBe(8);
  });

  test('a change between template and options template is a conflict', () => {
    const { announce, problems, templates } = store();
    announce(template(4), 0);
    announce({ ...template(4), scopeFieldCount: 1 }, 1000, true);
    expect(problems).toEqual(['template_conflict']);
    expect(templates.current(256)?.options).toBe(true);
  });

  test('withdrawals: refused over UDP, obeyed elsewhere', () => {
    const udp = store();
    udp.announce(template(4), 0);
    udp.withdraw(256);
    expect([udp.templates.size, udp.counters.templatesRefused]).toEqual([1, 1]);
    const tcp = store('tcp');
    tcp.announce(template(4), 0);
    tcp.withdraw(3, 'optionsTemplates');
    expect(tcp.templates.size).toBe(1);
    tcp.withdraw(2, 'templates');
    expect([tcp.templates.size, tcp.counters.templateWithdrawals]).toEqual([0, 1]);
    expect(tcp.announce(template(8), 1)).toBe('added');
  });

  test('over a reliable transport agrees with a map of the last announcements', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('announce'),
        id: fc.integer({ min: 256, max: 260 }),
        length: fc.integer({ min: 1, max: 3 }),
      }),
      fc.record({
        kind: fc.constant('withdraw'),
        id: fc.integer({ min: 256, max: 260 }),
        length: fc.constant(0),
      }),
      fc.record({ kind: fc.constant('withdrawAll'), id: fc.constant(2), length: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { templates, announce, withdraw, budget } = store('tcp');
        const model = new Map<number, number>();
        for (const { kind, id, length } of steps) {
          if (kind === 'announce') {
            announce({ ...template(length), templateId: id }, 0);
            model.set(id, length);
          } else if (kind === 'withdraw') {
            withdraw(id);
            model.delete(id);
          } else {
            withdraw(2, 'templates');
            model.clear();
          }
        }
        const kept = [...templates.entries()].map((entry) => [
          entry.template.templateId,
          entry.template.fields[0]?.length,
        ]);
        expect(new Map(kept as [number, number][])).toEqual(model);
        templates.clear();
        expect(budget.used).toBe(0);
      }),
    );
  });
});

test('an exporter may have so many templates and no more', () => {
  const budget = new TemplateBudget({ fields: 1000, templates: 2 });
  expect([budget.reserve(5), budget.reserve(5), budget.reserve(1)]).toEqual([true, true, false]);
  budget.release(5);
  expect(budget.reserve(1)).toBe(true);
  expect(budget.used).toBe(6);
});
