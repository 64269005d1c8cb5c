/** An IPFIX file (RFC 5655) whose records are numbered, so that a store can be asked which it has. */
import { dataMessage, templateMessage } from './numbered-record.ts';

const RECORDS_PER_MESSAGE = 1000;
const OBSERVATION_DOMAIN = 1;

/** Records first … first + count - 1. `count` is a multiple of `perMessage`. */
export function numberedFile(first: number, count: number, perMessage = RECORDS_PER_MESSAGE): Uint8Array {
  const parts = [templateMessage(OBSERVATION_DOMAIN)];
  for (let sent = 0; sent < count; sent += perMessage)
    parts.push(dataMessage(OBSERVATION_DOMAIN, sent, first + sent, perMessage));
  return Buffer.concat(parts);
}
