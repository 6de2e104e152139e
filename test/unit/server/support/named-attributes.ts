/** A file with named attributes, reached as files and by the extension XATTR. */
import { expect } from 'vitest';
import {
  ALL_FILE_ATTRIBUTES,
  type FileAttributes,
} from '../../../../client/protocol/attributes.ts';
import { Extension } from '../../../../client/protocol/extensions.ts';
import type { DirectoryEntry } from '../../../../client/protocol/operations/name.ts';
import type { ArgumentsOf } from '../../../../client/protocol/operations.ts';
import type { Filehandle, StateId, Verifier } from '../../../../client/protocol/types.ts';
import { anonymous, type Files, openArguments, unchecked } from './files.ts';
import { bytes, text } from './test-server.ts';

export const ALICE = 4001;

export const own = (handle: Filehandle): Filehandle => handle.slice() as Filehandle;

export const anonymously = (filehandle: Filehandle) => ({ filehandle, stateId: anonymous });

export class NamedAttributes {
  /** Belongs to ALICE; everybody may read it. */
  readonly file: Filehandle;
  /** That of the file's named attributes. */
  readonly directory: Filehandle;
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
    const wanted = [Extension.XATTR, Extension.LOCKS, Extension.NAMES];
    files.connection.call('EXTENSIONS', { wanted });
    this.file = own(files.create('file', { mode: 0o644 }).filehandle);
    files.setAttributes(this.file, { owner: String(ALICE), ownerGroup: String(ALICE) });
    this.directory = this.openattr(this.file).handle;
  }

  openattr(filehandle: Filehandle) {
    const { status, results } = this.#files.connection.call('OPENATTR', { filehandle });
    return { status, handle: own(results.filehandle ?? new Uint8Array(64)) };
  }

  /** Opens an attribute, which is made if need be. */
  open(
    name: string,
    rest: Partial<ArgumentsOf<'OPEN'>> = { open: unchecked({}) },
    { connection } = this.#files,
  ) {
    const { status, results } = connection.call('OPEN', openArguments(this.directory, name, rest));
    if (status !== 'OK') {
      throw new Error(`OPEN ${name}: ${status}`);
    }
    return { filehandle: own(results.filehandle), stateId: results.stateId };
  }

  openStatus(name: string, rest: Partial<ArgumentsOf<'OPEN'>> = {}): string {
    return this.#files.open(name, rest, this.directory).status;
  }

  /** The value that the extension XATTR gives for a full name. */
  xattr(name: string, filehandle = this.file): string {
    const request = { filehandle, name: bytes(name) };
    const { status, results } = this.#files.connection.call('GETXATTR_INLINE', request);
    return status === 'OK' ? text(results.value) : `! ${status}`;
  }

  setXattr(name: string, value: string): string {
    return this.#files.connection.call('SETXATTR_INLINE', {
      filehandle: this.file,
      option: 0,
      name: bytes(name),
      value: bytes(value),
    }).status;
  }

  lookup(name: string): Filehandle {
    return own(this.#files.lookup(name, this.directory).results.filehandle);
  }

  content(filehandle: Filehandle, stateId: StateId = anonymous): string {
    const { status, results } = this.#files.read({ filehandle, stateId }, 0, 4096);
    return status === 'OK' ? text(results.readData) : `! ${status}`;
  }

  attributes(filehandle: Filehandle): FileAttributes {
    const request = { filehandle, attrRequestBitmap: ALL_FILE_ATTRIBUTES };
    return this.#files.connection.call('GETATTR_INLINE', request).results.objAttributes;
  }

  /** Reads the directory to its end, a piece at a time. */
  list(maxcount = 100_000, rest: Partial<ArgumentsOf<'READDIR_INLINE'>> = {}): DirectoryEntry[] {
    const entries: DirectoryEntry[] = [];
    for (let { cookie = 0, cookieverf = 0n as Verifier } = rest; ; ) {
      const { status, results } = this.#files.connection.call('READDIR_INLINE', {
        filehandle: this.directory,
        dircount: 0,
        maxcount,
        attrRequestBitmap: ALL_FILE_ATTRIBUTES,
        ...rest,
        cookie,
        cookieverf,
      });
      expect(status).toBe('OK');
      entries.push(...results.entries.map((entry) => ({ ...entry, name: entry.name.slice() })));
      if (results.eof) {
        return entries;
      }
      expect(results.entries.length).toBeGreaterThan(0);
      cookie = entries.at(-1)?.cookie ?? 0;
      cookieverf = results.cookieverf;
    }
  }
}
