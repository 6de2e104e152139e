import { hasStatus } from './dafs-error.ts';
import {
  type ArgumentsOf,
  DafsStatus,
  type FileAttributes,
  type Filehandle,
  type Operation,
  operations,
} from './protocol/index.ts';
import type { Session } from './session.ts';

type Verify = Operation<ArgumentsOf<'VERIFY'>, object>;

/**
 * Has the server compare attributes with those of a file, which moves none of them back: a way to
 * ask whether what one knows of a file is still true. Attributes that can only be set are DafsError
 * EINVAL, those that the server does not have EOPNOTSUPP.
 */
export class AttributeVerification {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** VERIFY (section 6.5.37). @returns whether the file has every one of these attributes */
  verify(filehandle: Filehandle, objAttributes: FileAttributes, credential = 0): boolean {
    const request = { filehandle, objAttributes };
    return this.#holds(operations.VERIFY, request, credential, DafsStatus.DAFSERR_NOT_SAME);
  }

  /** NVERIFY (section 6.5.23). @returns whether at least one of these attributes differs */
  nverify(filehandle: Filehandle, objAttributes: FileAttributes, credential = 0): boolean {
    const request = { filehandle, objAttributes };
    return this.#holds(operations.NVERIFY, request, credential, DafsStatus.DAFSERR_SAME);
  }

  #holds(
    operation: Verify,
    request: ArgumentsOf<'VERIFY'>,
    credential: number,
    otherwise: DafsStatus,
  ): boolean {
    try {
      this.#session.callInPlace(operation, request, credential, nothing);
      return true;
    } catch (error) {
      if (hasStatus(error, otherwise)) {
        return false;
      }
      throw error;
    }
  }
}

function nothing(): void {}
