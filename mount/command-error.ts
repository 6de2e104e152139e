/** What can be wrong with what the user asked, or with the machine he asked it of. */
export type CommandErrorCode =
  | 'NO_SUCH_DIRECTORY'
  | 'NOT_A_DIRECTORY'
  | 'NOT_EMPTY'
  | 'ALREADY_MOUNTED'
  | 'NOT_MOUNTED'
  | 'DEAD_MOUNT'
  | 'BUSY'
  | 'NO_ROOM'
  | 'NO_FUSE'
  | 'NO_PERMISSION'
  | 'UNKNOWN_OPTION'
  | 'INVALID_OPTION'
  | 'UNKNOWN_DRIVER'
  | 'DRIVER_UNAVAILABLE'
  | 'INVALID_SOURCE'
  | 'NO_SUCH_SERVER'
  | 'SERVER_FAILED'
  | 'BACKUP_FAILED'
  | 'BENCH_FAILED'
  | 'INTERRUPTED'
  | 'MOUNT_FAILED'
  | 'UNMOUNT_FAILED';

/** Why a command cannot do what it was asked: `message` is the one line that the user reads. */
export class CommandError extends Error {
  readonly code: string;

  constructor(code: CommandErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.code = code;
  }
}

/** The one line that says what went wrong, whatever was thrown. */
export function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? '';
}
