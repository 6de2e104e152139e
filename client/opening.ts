import { attributesOf, type StatusChanges } from './file-status.ts';
import {
  type ArgumentsOf,
  CLAIM_FH,
  ClaimType,
  CreateMode,
  DeleteDisposition,
  Extension,
  type Filehandle,
  OPEN_SHARE_ACCESS_APPEND,
  OpenShare,
  OpenType,
  operations,
  type ResultsOf,
  type Verifier,
} from './protocol/index.ts';
import type { Session } from './session.ts';
import { randomVerifier } from './session-options.ts';
import type { FileReference } from './transfer-requests.ts';

/** For which kinds of access a file is opened; who only appends may do so to append-only files. */
export type OpenAccess = 'read' | 'write' | 'both' | 'append' | 'read and append';

/** What opening does about a name that does not exist, or that does. */
export type Creation =
  | { readonly mode: 'never' }
  /** Creates the file if there is none; truncates an existing one if `attributes.sizeBytes` is 0. */
  | { readonly mode: 'unchecked'; readonly attributes: StatusChanges }
  /** Creates the file; DAFSERR_EXIST if there is one (O_EXCL). */
  | { readonly mode: 'guarded'; readonly attributes: StatusChanges }
  /** The same, and a repetition with the same verifier succeeds. Attributes are set afterwards. */
  | { readonly mode: 'exclusive'; readonly verifier: Verifier };

/** A file that is open, until it is closed. */
export interface OpenFile extends FileReference {}

/** Which file OPEN opens. */
export type Claim = ArgumentsOf<'OPEN'>['claim'];

/** The file that has this name in a directory. */
export function claimOfName(directory: Filehandle, name: Uint8Array): Claim {
  return { claimType: ClaimType.CLAIM_NULL, dirHandle: directory, pathname: [name] };
}

/** The file that has this handle (our extension CLAIM_FH). */
export function claimOfHandle(filehandle: Filehandle): Claim {
  return { claimType: CLAIM_FH, filehandle };
}

/** A new file without a name, in the file system that `directory` lies in. */
export function claimOfUnnamed(directory: Filehandle): Claim {
  return { claimType: ClaimType.CLAIM_CREATE_UNLINKED, dirHandle: directory };
}

const SHARE_ACCESS: Readonly<Record<OpenAccess, number>> = {
  read: OpenShare.DAFS_OPEN_SHARE_ACCESS_READ,
  write: OpenShare.DAFS_OPEN_SHARE_ACCESS_WRITE,
  both: OpenShare.DAFS_OPEN_SHARE_ACCESS_BOTH,
  append: OpenShare.DAFS_OPEN_SHARE_ACCESS_WRITE | OPEN_SHARE_ACCESS_APPEND,
  'read and append': OpenShare.DAFS_OPEN_SHARE_ACCESS_BOTH | OPEN_SHARE_ACCESS_APPEND,
};

/** POSIX programs never deny others anything. */
const NO_DENIAL = {
  shareDeny: OpenShare.DAFS_OPEN_SHARE_DENY_NONE,
  shareKeyType: OpenShare.DAFS_OPEN_SHARE_KEY_NONE,
  shareKey: 0n,
} as const;

/** Opens and closes files for one session. */
export class Opener {
  readonly #session: Session;
  /** Lock owners differ from open to open, so that no open is merged with another one (6.5.24). */
  readonly #owner = new BigUint64Array([randomVerifier(), 0n]);
  readonly #ownerBytes = new Uint8Array(this.#owner.buffer);

  constructor(session: Session) {
    this.#session = session;
  }

  open(claim: Claim, access: OpenAccess, creation: Creation, credential: number): OpenFile {
    const request = this.request(claim, access, creation);
    return this.#session.callInPlace(operations.OPEN, request, credential, takeOpenFile);
  }

  /** The arguments of OPEN; to be sent before the next are asked for. */
  request(claim: Claim, access: OpenAccess, creation: Creation): ArgumentsOf<'OPEN'> {
    this.#owner[1] = (this.#owner[1] as bigint) + 1n;
    return {
      claim,
      open: openArguments(creation),
      deleteDisp: DeleteDisposition.DELETE_DONT_CARE,
      owner: this.#ownerBytes,
      shareAccess: this.#shareAccess(access),
      ...NO_DENIAL,
    };
  }

  downgrade(file: OpenFile, access: OpenAccess, credential: number): void {
    const request = {
      filehandle: file.handle,
      stateId: file.stateId,
      shareAccess: this.#shareAccess(access),
      ...NO_DENIAL,
    };
    this.#session.call(operations.OPEN_DOWNGRADE, request, credential);
  }

  /** A server without the extension does not know who only appends. */
  #shareAccess(access: OpenAccess): number {
    const isKnown = this.#session.extensions.has(Extension.XATTR);
    return isKnown ? SHARE_ACCESS[access] : SHARE_ACCESS[access] & ~OPEN_SHARE_ACCESS_APPEND;
  }

  close(file: OpenFile, credential: number): void {
    const request = { filehandle: file.handle, stateId: file.stateId };
    this.#session.callInPlace(operations.CLOSE, request, credential, nothing);
  }
}

function openArguments(creation: Creation): ArgumentsOf<'OPEN'>['open'] {
  if (creation.mode === 'never') {
    return { openType: OpenType.OPEN_NOCREATE };
  }
  return { openType: OpenType.OPEN_CREATE, how: createHow(creation) };
}

function createHow(creation: Exclude<Creation, { mode: 'never' }>) {
  if (creation.mode === 'exclusive') {
    return { createMode: CreateMode.EXCLUSIVE, createVerifier: creation.verifier };
  }
  const createMode = creation.mode === 'guarded' ? CreateMode.GUARDED : CreateMode.UNCHECKED;
  return { createMode, createAttrs: attributesOf(creation.attributes) };
}

function takeOpenFile({ filehandle, stateId }: ResultsOf<'OPEN'>): OpenFile {
  return { handle: filehandle.slice() as Filehandle, stateId };
}

function nothing(): void {}
