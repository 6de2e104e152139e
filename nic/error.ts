/** Every failure that the NIC reports by throwing. `code` is stable: an errno name or a name of ours. */
export class NicError extends Error {
  readonly code: string;

  /**
   * @param code errno name (`ECONNREFUSED`, `EPERM`, ...) when a system call failed, otherwise one of
   *   QP_STATE, QUEUE_FULL, INVALID_ARGUMENT, REM_ACCESS_ERR, CQ_OVERRUN, CLOSED, BUSY.
   */
  constructor(code: string, message: string) {
    super(message);
    this.name = 'NicError';
    this.code = code;
  }
}

/** Throws INVALID_ARGUMENT unless `value` is an integer between the bounds, both included. */
export function requireInteger(name: string, value: number, minimum: number, maximum: number) {
  if (!Number.isInteger(value) || value < minimum || value > maximum) {
    throw new NicError(
      'INVALID_ARGUMENT',
      `${name} must be an integer between ${minimum} and ${maximum}, not ${value}`,
    );
  }
}
