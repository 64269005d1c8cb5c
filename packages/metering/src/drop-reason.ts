/** Why policy dropped a frame: dropReason, element 1 of ours. */
export const DROP_REASON_ACCESS_CONTROL = 1;
export const DROP_REASON_TRUST = 2;
export const DROP_REASON_OTHER = 3;

/** The names by which profiles and capture comments call the reasons. */
export const DROP_REASONS = {
  AccessControl: DROP_REASON_ACCESS_CONTROL,
  Trust: DROP_REASON_TRUST,
  Other: DROP_REASON_OTHER,
} as const;

export type DropReasonName = keyof typeof DROP_REASONS;

/**
 * forwardingStatus (89), RFC 7270 section 4.12: `dropped` in the top two bits, and the registry's reason. A
 * collector that does not know our elements can still tell a rule (129, ACL deny) from a missing trust
 * requirement (130, ACL drop) and from the rest (128, unknown).
 */
export function forwardingStatusOf(reason: number): number {
  switch (reason) {
    case DROP_REASON_ACCESS_CONTROL:
      return 0x81;
    case DROP_REASON_TRUST:
      return 0x82;
    default:
      return 0x80;
  }
}
