/** What cases say of locks, and of other processes, which is where locks matter. */
import type { Target } from './target.ts';

/** A lock of fcntl(2); a length of 0 reaches to the end of the file. */
export interface RecordLock {
  readonly type: 'read' | 'write' | 'unlock';
  readonly start?: number | bigint;
  readonly length?: number | bigint;
  readonly whence?: number;
  /** Whether the open file owns it (F_OFD_SETLK) and not the process. */
  readonly ofOpenFile?: boolean;
  /** l_pid, which must be 0 for locks of open files. */
  readonly pid?: number;
}

/** A lock that is in the way. */
export interface LockInTheWay {
  readonly type: 'read' | 'write';
  readonly start: number;
  /** 0 when it reaches to the end of the file. */
  readonly length: number;
  readonly pid: number;
}

export interface LockTarget {
  /** F_SETLK: EAGAIN when another lock is in the way. */
  setLock(fd: number, lock: RecordLock): void;
  /** F_SETLKW */
  waitForLock(fd: number, lock: RecordLock): void;
  /** F_GETLK */
  testLock(fd: number, lock: RecordLock): LockInTheWay | undefined;
  /** flock(2); EWOULDBLOCK, which is EAGAIN, unless it waits. */
  flock(fd: number, operation: 'shared' | 'exclusive' | 'unlock', waits?: boolean): void;
  /** fcntl(F_SETFL) */
  setFlags(fd: number, flags: number): void;
  processId(): number;
  /** Catches SIGUSR1, by which system calls then either fail with EINTR or are begun again. */
  catchSignal(effect: 'interrupts' | 'restarts'): void;
}

/** A call that another process makes while the case goes on. */
export interface PendingCall {
  /** Whether it has returned. */
  isDone(): boolean;
  /** Waits until it has, and gives its result or throws its error. */
  result(): unknown;
}

/** Another process, which makes the same calls. */
export interface RemoteTarget extends Target {
  /** Begins a call that may wait, and returns when it does wait in the kernel or has returned. */
  begin<Name extends keyof LockTarget>(
    name: Name,
    ...values: Parameters<LockTarget[Name]>
  ): PendingCall;
  /** Sends it a signal; after SIGKILL it returns when the process is gone. */
  signal(name: NodeJS.Signals): void;
}
