/** A client that locks: by the draft's procedures, and by those of the extension LOCKS. */
import { expect } from 'vitest';
import { LockType } from '../../../../client/protocol/constants.ts';
import { Extension, LockKind } from '../../../../client/protocol/extensions.ts';
import type { ArgumentsOf } from '../../../../client/protocol/operations.ts';
import { Procedure } from '../../../../client/protocol/procedure.ts';
import type { Filehandle, StateId } from '../../../../client/protocol/types.ts';
import { type ReceivedDirective, TestBackControl } from './back-control.ts';
import { Files, unchecked } from './files.ts';
import { bytes, type TestServer } from './test-server.ts';

const { WRITE_LT, WRITEW_LT } = LockType;
const { RECORD } = LockKind;
export const ROOT = { uid: 0, gid: 0 };
export const ALL = 0xffff_ffff_ffff_ffffn;

export interface OpenedFile {
  readonly filehandle: Filehandle;
  readonly stateId: StateId;
}

export interface LockerOptions {
  /** Whether it may come back after the server was killed. */
  readonly isDurable?: boolean;
  /** What it has open already: it comes back. */
  readonly file?: OpenedFile;
}

/** A client with a back-control channel, that has `file` open. */
export class Locker {
  readonly files: Files;
  readonly file: OpenedFile;
  readonly backControl: TestBackControl;

  constructor(server: TestServer, name: string, { isDurable = false, file }: LockerOptions = {}) {
    const connection = server.connection(ROOT);
    const connect = {
      clientIdString: bytes(name),
      useBackControlChannel: true,
      useResponseCache: isDurable,
    };
    const { sessionId } = connection.connect({ connect });
    connection.call('EXTENSIONS', { wanted: [Extension.LOCKS, Extension.NOTIFY] });
    this.files = new Files(connection);
    this.backControl = new TestBackControl(server, sessionId, { peer: ROOT });
    this.file = file ?? this.open('file');
  }

  open(name: string, shareAccess = 3): OpenedFile {
    const { status, results } = this.files.open(name, { open: unchecked(), shareAccess });
    if (status !== 'OK') {
      throw new Error(`OPEN: ${status}`);
    }
    return { filehandle: results.filehandle.slice() as Filehandle, stateId: results.stateId };
  }

  close(file: OpenedFile = this.file): void {
    expect(this.files.connection.call('CLOSE', file).status).toBe('OK');
  }

  // The draft's own, whose owner is the open.

  lock(first: bigint, length: bigint, lockType: LockType = WRITE_LT, file = this.file) {
    const range = { offset: first, length };
    return this.files.connection.call('LOCK', { ...file, lockType, options: 0, ...range });
  }

  unlock(first: bigint, length: bigint, file = this.file) {
    const range = { offset: first, length };
    return this.files.connection.call('LOCKU', { ...file, lockType: WRITE_LT, ...range });
  }

  test(first: bigint, length: bigint, lockType: LockType = WRITE_LT) {
    const { filehandle } = this.file;
    const range = { offset: first, length, owner: bytes('me') };
    return this.files.connection.call('LOCKT', { filehandle, lockType, ...range });
  }

  // Those of owners that are not opens.

  ownerLock(owner: string, rest: Partial<ArgumentsOf<'OWNER_LOCK'>> = {}) {
    return this.files.connection.call('OWNER_LOCK', {
      ...this.file,
      kind: RECORD,
      lockType: WRITE_LT,
      offset: 0n,
      length: ALL,
      owner: bytes(owner),
      pid: 1,
      waitId: 0n,
      ...rest,
    });
  }

  ownerUnlock(owner: string, rest: Partial<ArgumentsOf<'OWNER_LOCKU'>> = {}) {
    const whole = { kind: RECORD, offset: 0n, length: ALL, owner: bytes(owner) } as const;
    return this.files.connection.call('OWNER_LOCKU', { ...this.file, ...whole, ...rest }).status;
  }

  ownerTest(owner: string, rest: Partial<ArgumentsOf<'OWNER_LOCKT'>> = {}) {
    const { filehandle } = this.file;
    const whole = { kind: RECORD, lockType: WRITE_LT, offset: 0n, length: ALL } as const;
    const args = { filehandle, ...whole, owner: bytes(owner), ...rest };
    return this.files.connection.call('OWNER_LOCKT', args);
  }

  wait(owner: string, waitId: bigint, rest: Partial<ArgumentsOf<'OWNER_LOCK'>> = {}) {
    return this.ownerLock(owner, { lockType: WRITEW_LT, waitId, ...rest });
  }

  cancel(waitId: bigint): boolean {
    return this.files.connection.call('CANCEL_LOCK', { waitId }).results.isCancelled;
  }

  /** The ids of the waits that the server tells are over; answers the notice. */
  granted(): readonly bigint[] {
    const [notice] = this.backControl.take();
    if (notice === undefined) {
      return [];
    }
    this.backControl.answer(notice);
    return waitsIn(notice);
  }
}

export function waitsIn({ procedure, args }: ReceivedDirective): readonly bigint[] {
  expect(procedure).toBe(Procedure.BC_LOCK_GRANTED);
  return (args as ArgumentsOf<'BC_LOCK_GRANTED'>).waitIds;
}
