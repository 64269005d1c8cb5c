/** rwscan's models: their worked examples by hand, and their edges. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  icmpScanProbability,
  tcpScanProbability,
  thresholdRandomWalk,
  udpScanProbability,
} from './scan-score.ts';

const walk = (letters: string) => thresholdRandomWalk([...letters].map((letter) => letter === 'm'));

describe('threshold random walk', () => {
  test('four misses are a scan: 4, 16, 64, 256 > 99', () => {
    expect(walk('mmm')).toMatchObject({ verdict: 'undecided', misses: 3, hits: 0 });
    expect(walk('mmm').likelihood).toBeCloseTo(64, 9);
    expect(walk('mmmm')).toMatchObject({ verdict: 'scan', misses: 4 });
    expect(walk('mmmm').likelihood).toBeCloseTo(256, 9);
  });

  test('four hits are benign: 0.25, 0.0625, 0.016, 0.004 < 0.0101', () => {
    expect(walk('hhh').verdict).toBe('undecided');
    expect(walk('hhhh')).toMatchObject({ verdict: 'benign', hits: 4 });
    expect(walk('hhhh').likelihood).toBeCloseTo(0.00390625, 9);
  });

  test('a hit takes back a miss, and what comes after the decision does not count', () => {
    expect(walk('mhmhmh').verdict).toBe('undecided');
    expect(walk('mhmhmh').likelihood).toBeCloseTo(1, 9);
    expect(walk('mmhmmm')).toMatchObject({ verdict: 'scan', misses: 5, hits: 1 });
    expect(walk('mmmmhhhhhhhh')).toMatchObject({ verdict: 'scan', misses: 4, hits: 0 });
  });

  test('decides by the difference of misses and hits alone', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (misses) => {
        let [difference, expected] = [0, 'undecided'];
        for (const isMiss of misses) {
          difference += isMiss ? 1 : -1;
          if (Math.abs(difference) < 4) continue;
          expected = difference > 0 ? 'scan' : 'benign';
          break;
        }
        expect(thresholdRandomWalk(misses).verdict).toBe(expected);
      }),
    );
  });
});

describe('logistic regression', () => {
  const scan = {
    noAckRatio: 1,
    smallRatio: 1,
    payloadRatio: 0,
    sourcePortsPerDestination: 1,
    destinationRatio: 1,
    backscatterRatio: 0,
  };

  test('TCP: SYNs to as many hosts as flows', () => {
    // y = -2.838353611 + 3.309023427 - 0.157047027 - 0.002319304 + 3.163018548 = 3.474322033
    expect(tcpScanProbability(scan)).toBeCloseTo(0.97, 3);
  });

  test('TCP: a client with answers, a browser, and backscatter are none', () => {
    const client = { ...scan, noAckRatio: 0, payloadRatio: 1, smallRatio: 0, destinationRatio: 0.3 };
    // y = -2.838353611 - 0.002319304 - 1.047413699 + 0.948905564 = -2.93918105
    expect(tcpScanProbability(client)).toBeCloseTo(0.05, 3);
    expect(tcpScanProbability({ ...scan, backscatterRatio: 1, noAckRatio: 0.5 })).toBeLessThan(0.5);
  });

  test('UDP: a run through a /24 is a scan, a client of one resolver is none', () => {
    const sweep = {
      smallRatio: 1,
      destinationRunMax: 254,
      lowPortsMax: 1,
      lowPortRunMax: 1,
      sourcePortsPerDestination: 1,
      payloadRatio: 0,
      sourcePortRatio: 1,
    };
    // y = -1.887907966 + 0.543683505 + 6.388352476 + 0.529094801 - 1.244182168 - 0.001841634 - 0.697943155 = 3.629255859
    expect(udpScanProbability(sweep)).toBeCloseTo(0.974, 3);
    expect(udpScanProbability({ ...sweep, destinationRunMax: 1, payloadRatio: 1 })).toBeCloseTo(0.05, 2);
  });

  test('ICMP: pings of a whole /24 are a scan, pings of five hosts are none', () => {
    const sweep = {
      subnetRunMax: 1,
      destinationRunMax: 254,
      destinationsPerSubnetMax: 254,
      destinations: 254,
      echoRatio: 1,
    };
    // y = -4.307079 - 0.08245704 - 7.11355448 + 12.38974408 - 0.001625315 + 4.016751 = 4.901779245
    expect(icmpScanProbability(sweep)).toBeCloseTo(0.993, 3);
    const few = { ...sweep, destinationRunMax: 5, destinationsPerSubnetMax: 5, destinations: 5 };
    expect(icmpScanProbability(few)).toBeLessThan(0.5);
    expect(icmpScanProbability({ ...sweep, echoRatio: 0 })).toBeLessThan(icmpScanProbability(sweep));
  });
});
