import { beacon } from './beacon.ts';
import { bruteForce } from './brute-force.ts';
import { ddos } from './ddos.ts';
import type { Detection } from './detection.ts';
import { dnsTunnel, oddResolver } from './dns-detections.ts';
import { exfiltration } from './exfiltration.ts';
import { newHost, newPeer, newService } from './first-seen.ts';
import { listedAddress } from './listed-address.ts';
import { longConnection } from './long-connection.ts';
import { hostSweep, portScan } from './scan-counters.ts';
import { scanStatistics } from './scan-statistics.ts';

/** All detections, in the order in which pages list them. */
export const DETECTIONS: readonly Detection[] = [
  portScan,
  hostSweep,
  scanStatistics,
  bruteForce,
  beacon,
  dnsTunnel,
  oddResolver,
  exfiltration,
  ddos,
  listedAddress,
  longConnection,
  newService,
  newHost,
  newPeer,
];
