import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CompletionOptions, completeFilter, valueAsked } from './filter-completion.ts';
import { parseFilter } from './filter-parser.ts';

/** `|` is the cursor. */
function complete(marked: string, options: CompletionOptions = {}) {
  const cursor = marked.indexOf('|');
  return completeFilter(marked.replace('|', ''), cursor, options);
}

function texts(marked: string, options?: CompletionOptions): string[] {
  return complete(marked, options).map(({ text }) => text);
}

describe('completion', () => {
  test('at the beginning: words and fields, most used first', () => {
    expect(texts('|').slice(0, 4)).toEqual(['host', 'net', 'port', 'as']);
    expect(texts('|')).toContain('srcAddr');
  });

  test('a word that has begun', () => {
    expect(texts('dstP|')).toEqual(['dstPort', 'dstPeer']);
    expect(texts('tcp and srcC|')).toEqual(['srcCountry']);
    expect(complete('srcC|ou = DE')[0]).toMatchObject({ from: 0, to: 6, text: 'srcCountry', kind: 'field' });
    expect(texts('forw|')).toEqual(['forwardingStatus', 'forwardingState', 'forwarded']);
  });

  test('what has the letters inside comes after what begins with them', () => {
    expect(texts('port|')[0]).toBe('port');
    expect(texts('port|')).toContain('srcPort');
  });

  test('after a condition: and, or', () => {
    expect(texts('tcp |').slice(0, 2)).toEqual(['and', 'or']);
    expect(texts('(port 80 |)').slice(0, 2)).toEqual(['and', 'or']);
  });

  test('after a side: what has sides', () => {
    expect(texts('src |').slice(0, 3)).toEqual(['host', 'net', 'port']);
    expect(complete('src po|')[0]).toMatchObject({ text: 'port', detail: 'as srcPort' });
  });

  test('operators by the kind of the field', () => {
    expect(texts('bytes |')).toEqual(expect.arrayContaining(['=', '>', 'in']));
    expect(texts('srcUser |')).toEqual(expect.arrayContaining(['=', '~', 'like']));
    expect(texts('direction |')).not.toContain('>');
  });

  test('values: names, those that were seen, lists', () => {
    expect(texts('direction = |')).toEqual(['ingress', 'egress']);
    expect(texts('proto tc|')).toEqual(['tcp']);
    expect(texts('port = |', { values: [{ text: '443' }, { text: '53' }], lists: ['web'] })).toEqual([
      '443',
      '53',
      '@web',
    ]);
    expect(texts('user = |', { values: [{ text: 'grace hopper' }, { text: 'and' }] })).toEqual([
      '"grace hopper"',
      '"and"',
    ]);
    expect(complete('user = "gr|"', { values: [{ text: 'grace hopper' }] })).toMatchObject([
      { from: 7, to: 11, text: '"grace hopper"' },
    ]);
    expect(texts('port in (80, |', { values: [{ text: '443' }] })).toEqual(['443']);
  });

  test('which values are asked for', () => {
    const asked = (marked: string) => valueAsked(marked.replace('|', ''), marked.indexOf('|'));
    expect(asked('port 4|')).toEqual({ field: 'port', prefix: '4' });
    expect(asked('dst port |')).toEqual({ field: 'dstPort', prefix: '' });
    expect(asked('host 10.|')).toEqual({ field: 'host', prefix: '10.' });
    expect(asked('rule ~ "ss|')).toEqual({ field: 'rule', prefix: 'ss' });
    expect(asked('srcUser in (a, b|')).toEqual({ field: 'srcUser', prefix: 'b' });
    expect(asked('tcp |')).toBeUndefined();
    expect(asked('nonsense and port |')).toBeUndefined();
  });

  test('nothing after what cannot be read', () => {
    expect(texts('frobnicate = 3 and |')).toEqual([]);
  });

  test('suggestions replace what is around the cursor, wherever it is', () => {
    const words = fc.constantFrom(
      'src',
      'host',
      '10.0.0.1',
      'and',
      'port',
      '80',
      '(',
      'not',
      'in',
      'srcUser',
      '=',
      'tcp',
      '"x"',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 6 }), fc.nat({ max: 30 }), (parts, at) => {
        const text = parts.join(' ');
        const cursor = Math.min(at, text.length);
        for (const { from, to, text: suggested } of completeFilter(text, cursor)) {
          expect(from).toBeLessThanOrEqual(cursor);
          expect(to).toBeGreaterThanOrEqual(cursor);
          expect(suggested).not.toBe('');
        }
      }),
    );
  });

  test('every suggestion for an empty filter can begin a filter', () => {
    for (const { text, kind } of complete('|')) {
      if (kind === 'keyword' && ['src', 'dst', 'not'].includes(text)) continue;
      const readable = [
        text,
        `${text} 1`,
        `${text} 10.0.0.1`,
        `${text} = tcp`,
        `${text} = DE`,
        `${text} 00:11:22:33:44:55`,
        `${text} 1-2`,
        `${text} = 2026-01-01`,
      ].some((filter) => {
        try {
          parseFilter(filter);
          return true;
        } catch {
          return false;
        }
      });
      expect({ text, readable }).toEqual({ text, readable: true });
    }
  });
});
