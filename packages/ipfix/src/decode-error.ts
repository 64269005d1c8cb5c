/**
 * Every way in which octets from outside can be malformed. A code is stable: people alert on it, and the
 * reference page of errors is generated from this table. The sentence says what the octets do wrong and what
 * became of them. The unit in which a problem is contained is the first word of the code: a bad value or
 * record costs its Set's rest, a bad Set costs itself, a bad message costs itself.
 */
export const DECODE_ERRORS = {
  message_truncated: 'The datagram or stream ends before the message that its header announces.',
  message_version_unknown: 'The version is none of 1, 5, 7, 9 and 10.',
  message_length_invalid:
    'The length in the message header is smaller than the header itself or otherwise impossible.',
  message_count_invalid:
    'The count in a NetFlow header announces more records than the datagram has octets for.',
  message_trailing_octets: 'Octets follow the last message and are too few to be another.',
  stream_damaged: 'A byte stream or file has octets where a message header must stand; they were skipped.',
  set_length_invalid:
    'A Set Length is smaller than its own header, or reaches beyond the end of the message.',
  set_id_reserved: 'A Set ID from 4 to 255; the Set was skipped.',
  set_template_unknown:
    'Data Sets name a template that was withdrawn, or did not come before the input ended.',
  set_trailing_octets:
    'Octets that are not zero follow the last whole record of a Set and are too few for another.',
  template_truncated: 'A Template Record announces more fields than its Set has octets for.',
  template_id_invalid: 'A Template ID is below 256.',
  template_scope_count_invalid: 'An Options Template Record has no scope field, or more scopes than fields.',
  template_fields_excessive: 'A Template Record has more fields than the limit for one template.',
  template_record_empty:
    'The fields of a Template Record take no octets, so that its records cannot be counted.',
  template_conflict:
    'A Template ID was announced again with another content; which one holds is decided by its time.',
  template_limit_reached: 'The limit of templates was reached; the template was not kept.',
  template_withdrawal_invalid:
    'A withdrawal names a template that is not known, or arrived where none is allowed.',
  record_truncated: 'A Data Record reaches beyond the end of its Set.',
  list_truncated: 'A structured data field (RFC 6313) ends before the content that it announces.',
  list_nesting_excessive: 'Structured data is nested deeper than the limit.',
  list_items_excessive: 'A structured data field has more items than the limit for one record.',
  list_template_unknown: 'Structured data refers to a template that is not known.',
  list_item_empty: 'The items of a structured data field take no octets, so that they cannot be counted.',
} as const;

export type DecodeErrorCode = keyof typeof DECODE_ERRORS;

/** What went wrong and where, as a value: the form in which problems leave the codec. */
export interface DecodeProblem {
  readonly code: DecodeErrorCode;
  /** Octets from the start of the datagram, or of the stream or file. */
  readonly offset: number;
  readonly message: string;
}

/** Thrown inside the codec only; whoever owns the record, Set or message catches it and counts its problem. */
export class DecodeError extends Error implements DecodeProblem {
  override readonly name = 'DecodeError';
  readonly code: DecodeErrorCode;
  readonly offset: number;

  /** `detail` says what was found, after the sentence of the code. */
  constructor(code: DecodeErrorCode, offset: number, detail?: string) {
    // The stack says nothing of the octets, and taking it costs most of what a hostile datagram does.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(problemMessage(code, detail));
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.offset = offset;
  }
}

/** The problem without the cost of an Error, for paths that hostile senders can make hot. */
export function decodeProblem(code: DecodeErrorCode, offset: number, detail?: string): DecodeProblem {
  return { code, offset, message: problemMessage(code, detail) };
}

/** `error` as a problem when it is a DecodeError; anything else is a defect and is thrown on. */
export function problemOf(error: unknown): DecodeProblem {
  if (!(error instanceof DecodeError)) throw error;
  return { code: error.code, offset: error.offset, message: error.message };
}

function problemMessage(code: DecodeErrorCode, detail: string | undefined): string {
  return detail === undefined ? DECODE_ERRORS[code] : `${DECODE_ERRORS[code]} ${detail}`;
}
