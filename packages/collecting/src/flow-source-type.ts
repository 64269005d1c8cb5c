/**
 * What a source accepts. `Any` takes every version that the decoder knows; `NetFlow` takes v1, v5, v7 and
 * v9; the others take what they name. Datagrams of another version are counted and not decoded.
 */
export const FLOW_SOURCE_TYPES = [
  'Any',
  'NetFlow',
  'NetFlow v1',
  'NetFlow v5',
  'NetFlow v7',
  'NetFlow v9',
  'IPFIX',
] as const;
export type FlowSourceType = (typeof FLOW_SOURCE_TYPES)[number];

const VERSIONS_OF_TYPE: Readonly<Record<FlowSourceType, readonly number[]>> = {
  Any: [1, 5, 7, 9, 10],
  NetFlow: [1, 5, 7, 9],
  'NetFlow v1': [1],
  'NetFlow v5': [5],
  'NetFlow v7': [7],
  'NetFlow v9': [9],
  IPFIX: [10],
};

/** The header versions that a source of this type decodes. */
export function acceptedVersions(type: FlowSourceType): readonly number[] {
  return VERSIONS_OF_TYPE[type];
}

/** What a datagram with this number in its first two octets is; 0 stands for all that are no export protocol. */
export function describeVersion(version: number): string {
  if (version === 10) return 'IPFIX';
  return version === 0 ? 'foreign' : `NetFlow v${version}`;
}
