/**
 * Classic BPF, the socket filter language of `linux/filter.h`; `tcpdump -ddd EXPRESSION` prints such
 * programs.
 */
import { assert } from '@weir/base';
import type { Libc } from './libc.ts';
import { SO_ATTACH_FILTER, SOL_SOCKET } from './socket-option.ts';

export interface FilterInstruction {
  readonly code: number;
  /** Instructions to skip when a comparison holds, and when it does not. */
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly operand: number;
}

export type SocketFilter = readonly FilterInstruction[];

/** BPF_MAXINSNS: what the kernel accepts. */
export const FILTER_INSTRUCTIONS_MAX = 4096;

const BPF_RETURN = 0x06;
const BPF_LOAD_OCTET_ABSOLUTE = 0x30;
const BPF_JUMP_EQUAL = 0x15;
/** SKF_AD_OFF + SKF_AD_PKTTYPE: loads `sll_pkttype` instead of an octet of the packet. */
const PACKET_TYPE_OFFSET = 0xffff_f000 + 4;
const PACKET_OUTGOING = 4;

/** Accepts every packet, of each at most `octets`; 0 accepts none. */
export function acceptOctets(octets: number): SocketFilter {
  return [{ code: BPF_RETURN, jumpTrue: 0, jumpFalse: 0, operand: octets }];
}

/** Refuses outgoing packets and lets `rest` judge the others (jumps are relative, so it can be appended). */
export function ignoreOutgoing(rest: SocketFilter): SocketFilter {
  return [
    { code: BPF_LOAD_OCTET_ABSOLUTE, jumpTrue: 0, jumpFalse: 0, operand: PACKET_TYPE_OFFSET },
    { code: BPF_JUMP_EQUAL, jumpTrue: 0, jumpFalse: 1, operand: PACKET_OUTGOING },
    ...acceptOctets(0),
    ...rest,
  ];
}

/** Attaches `filter` to a socket in place of the one that it had. False when the kernel refuses it. */
export function attachFilter(c: Libc, fd: number, filter: SocketFilter): boolean {
  assert(filter.length <= FILTER_INSTRUCTIONS_MAX, `a filter has at most ${FILTER_INSTRUCTIONS_MAX} steps`);
  const code = new Uint8Array(filter.length * 8);
  const codeView = new DataView(code.buffer);
  filter.forEach(({ code: operation, jumpTrue, jumpFalse, operand }, index) => {
    codeView.setUint16(index * 8, operation, true);
    codeView.setUint8(index * 8 + 2, jumpTrue);
    codeView.setUint8(index * 8 + 3, jumpFalse);
    codeView.setUint32(index * 8 + 4, operand >>> 0, true);
  });
  const program = new Uint8Array(16);
  const programView = new DataView(program.buffer);
  programView.setUint16(0, filter.length, true);
  programView.setBigUint64(8, c.addressOf(code), true);
  const attached = c.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.length) === 0;
  return attached && code.length > 0;
}
