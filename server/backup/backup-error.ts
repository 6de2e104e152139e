export type BackupErrorCode = 'TARGET_EXISTS' | 'CANCELLED' | 'NO_SNAPSHOT' | 'FAILED';

/** A backup that was not made; there is no target. The message is one line for a person. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  readonly code: BackupErrorCode;

  constructor(code: BackupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
