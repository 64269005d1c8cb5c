/**
 * Whether a source scans: the two models of SiLK's rwscan (src/rwscan). TRW, the threshold random walk of Jung and
 * others, walks along the destinations in the order in which they were first tried; BLR, a logistic regression, looks at
 * all flows of a source at once.
 */

export interface TrwParameters {
  /** How likely a first try succeeds: of somebody benign, of a scanner. */
  readonly theta0: number;
  readonly theta1: number;
  /** Wanted: at most so many false alarms, at least so many scanners found. */
  readonly alpha: number;
  readonly beta: number;
}

export const TRW_DEFAULTS: TrwParameters = { theta0: 0.8, theta1: 0.2, alpha: 0.01, beta: 0.99 };

export type TrwVerdict = 'scan' | 'benign' | 'undecided';

export interface TrwResult {
  readonly verdict: TrwVerdict;
  readonly likelihood: number;
  readonly misses: number;
  readonly hits: number;
}

/** `misses` says of each new destination whether the try failed; the walk ends where it decides. */
export function thresholdRandomWalk(misses: readonly boolean[], parameters = TRW_DEFAULTS): TrwResult {
  const { theta0, theta1, alpha, beta } = parameters;
  const [upper, lower] = [beta / alpha, (1 - beta) / (1 - alpha)];
  let likelihood = 1;
  const counts = { misses: 0, hits: 0 };
  for (const isMiss of misses) {
    likelihood *= isMiss ? (1 - theta1) / (1 - theta0) : theta1 / theta0;
    counts[isMiss ? 'misses' : 'hits'] += 1;
    if (likelihood > upper) return { verdict: 'scan', likelihood, ...counts };
    if (likelihood < lower) return { verdict: 'benign', likelihood, ...counts };
  }
  return { verdict: 'undecided', likelihood, ...counts };
}

/** rwscan judges sources with at least so many flows. */
export const BLR_FLOWS_MIN = 32;

export interface TcpFeatures {
  /** Share of flows without ACK, of fewer than 3 packets, of more than 60 octets a packet. */
  readonly noAckRatio: number;
  readonly smallRatio: number;
  readonly payloadRatio: number;
  /** Source ports for each destination, on average. */
  readonly sourcePortsPerDestination: number;
  /** Destinations for each flow. */
  readonly destinationRatio: number;
  /** Share of flows that have only RST, SYN-ACK or RST-ACK. */
  readonly backscatterRatio: number;
}

export interface UdpFeatures {
  readonly smallRatio: number;
  /** The most destinations in a row within a /24. */
  readonly destinationRunMax: number;
  /** The most ports below 1024 on one destination, and the most of them in a row. */
  readonly lowPortsMax: number;
  readonly lowPortRunMax: number;
  readonly sourcePortsPerDestination: number;
  readonly payloadRatio: number;
  /** Source ports for each flow. */
  readonly sourcePortRatio: number;
}

export interface IcmpFeatures {
  readonly subnetRunMax: number;
  readonly destinationRunMax: number;
  /** The most destinations in a /24. */
  readonly destinationsPerSubnetMax: number;
  readonly destinations: number;
  /** Share of echo, timestamp, information and mask requests. */
  readonly echoRatio: number;
}

const logistic = (y: number): number => 1 / (1 + Math.exp(-y));

/** The probability of a scan; more than 0.5 is one. */
export function tcpScanProbability(features: TcpFeatures): number {
  return logistic(
    -2.838353611 +
      3.309023427 * features.noAckRatio -
      0.157047027 * features.smallRatio -
      0.002319304 * features.sourcePortsPerDestination -
      1.047413699 * features.payloadRatio +
      3.163018548 * features.destinationRatio -
      3.260270447 * features.backscatterRatio,
  );
}

export function udpScanProbability(features: UdpFeatures): number {
  return logistic(
    -1.887907966 +
      0.543683505 * features.smallRatio +
      0.025150994 * features.destinationRunMax +
      0.529094801 * features.lowPortsMax -
      1.244182168 * features.lowPortRunMax -
      0.001841634 * features.sourcePortsPerDestination -
      0.224548546 * features.payloadRatio -
      0.697943155 * features.sourcePortRatio,
  );
}

export function icmpScanProbability(features: IcmpFeatures): number {
  return logistic(
    -4.307079 -
      0.08245704 * features.subnetRunMax -
      0.02800612 * features.destinationRunMax +
      0.04877852 * features.destinationsPerSubnetMax -
      0.000006398878 * features.destinations +
      4.016751 * features.echoRatio,
  );
}
