/** Flow records into an IPFIX File (RFC 5655): the messages that a collector would get, one behind the other. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { uptime } from 'node:os';
import { UserError } from '@weir/base';
import type { FlowBatch, Template } from '@weir/ipfix';
import { createTemplateRegistry } from './export-template.ts';
import { createMessagePacker, MESSAGE_HEADER_OCTETS, type PackedMessage } from './message-packer.ts';
import { createRowClassifier } from './row-classifier.ts';
import { encodeTemplates } from './template-message.ts';

/** A file has no path MTU: large messages have fewer headers, and stay below the packer's arena. */
const MESSAGE_OCTETS_MAX = 32_768;
/** Octets gathered for one system call. */
const BUFFER_OCTETS = 1_048_576;
const OBSERVATION_DOMAIN_ID = 1;

export interface IpfixFile {
  /** Appends the batch's rows. The batch is the caller's again on return; its absent values are 0 then. */
  write(batch: FlowBatch): void;
  /** Writes what is left and closes the file. Nothing can be written afterwards. */
  close(): void;
}

/** Creates the file, or empties the one that is there. Throws a UserError `file_unwritable`. */
export function createIpfixFile(path: string, nowMs: () => number = Date.now): IpfixFile {
  const file = open(path);
  const buffer = new Uint8Array(BUFFER_OCTETS);
  const view = new DataView(buffer.buffer);
  const announced = new Set<Template>();
  let filled = 0;
  let sequenceNumber = 0;

  function drain(): void {
    for (let from = 0; from < filled; ) from += writeOrFail(path, file, buffer, from, filled - from);
    filled = 0;
  }

  /** Sections 3.1 and 10.2 of RFC 7011: the sequence number counts the data records before this message. */
  function append(bytes: Uint8Array, recordCount: number): void {
    if (filled + bytes.length > BUFFER_OCTETS) drain();
    buffer.set(bytes, filled);
    view.setUint32(filled + 4, Math.floor(nowMs() / 1000));
    view.setUint32(filled + 8, sequenceNumber);
    filled += bytes.length;
    sequenceNumber = (sequenceNumber + recordCount) >>> 0;
  }

  function emit({ bytes, offset, length, recordCount, templates }: PackedMessage): void {
    const unknown = templates.filter((template) => !announced.has(template));
    for (const message of encodeTemplates(unknown, OBSERVATION_DOMAIN_ID, MESSAGE_OCTETS_MAX)) {
      append(message.bytes, message.recordCount);
    }
    for (const template of unknown) announced.add(template);
    append(bytes.subarray(offset, offset + length), recordCount);
  }

  const packer = createMessagePacker({
    classifier: createRowClassifier(createTemplateRegistry(), 'Both'),
    observationDomainId: OBSERVATION_DOMAIN_ID,
    messageOctetsMax: MESSAGE_OCTETS_MAX - MESSAGE_HEADER_OCTETS,
    systemInitTimeMs: Math.round(nowMs() - uptime() * 1000),
    emit,
  });
  return {
    write: (batch) => packer.pack(batch, nowMs()),
    close() {
      packer.flush();
      drain();
      closeSync(file);
    },
  };
}

function open(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw unwritable(path, error);
  }
}

function writeOrFail(path: string, file: number, buffer: Uint8Array, from: number, octets: number): number {
  try {
    return writeSync(file, buffer, from, octets);
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): UserError {
  return new UserError('file_unwritable', `${path}: cannot be written (${(error as Error).message})`);
}
