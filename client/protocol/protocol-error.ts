/**
 * What can be wrong with a message. `MALFORMED` covers every defect inside arguments or results;
 * the others name defects of the message as a whole, because a responder answers them differently.
 */
export type ProtocolErrorCode =
  /** The bytes contradict the layout: offsets, counts, sizes, enumerations, booleans, integers. */
  | 'MALFORMED'
  /** The message begins with no DAFS magic, or with that of the other byte order or direction. */
  | 'BAD_MAGIC'
  /** The length in the header is not the length of what arrived. */
  | 'BAD_LENGTH'
  /** The message checksum does not match. */
  | 'BAD_CHECKSUM'
  /** A value to encode does not fit into the message buffer. */
  | 'TOO_LARGE'
  /** A value to encode cannot be expressed in its field. */
  | 'INVALID_VALUE';

/** The only error that this room throws for bytes or values it is given. */
export class ProtocolError extends Error {
  readonly code: ProtocolErrorCode;
  /** The field that is wrong, for instance `DAFS_Lookup_Args.path`. */
  readonly field: string;

  constructor(code: ProtocolErrorCode, field: string, reason: string) {
    super(`${field}: ${reason}`);
    this.name = 'ProtocolError';
    this.code = code;
    this.field = field;
  }
}
