/** Directories as the kernel lists them: with `.` and `..`, and with cookies to go on from. */

import { constants } from 'node:fs';
import { DafsError } from '../client/dafs-error.ts';
import type { DirectoryEntry as ClientDirectoryEntry } from '../client/directory-reader.ts';
import type { FileClient } from '../client/file-client.ts';
import type { Filehandle, Verifier } from '../client/protocol/index.ts';
import { attributesOf, typeBits } from './file-attributes.ts';
import {
  type DirectoryEntry,
  type DirectoryVisitor,
  type Nodeid,
  ROOT_NODEID,
} from './file-system.ts';
import { nodeidOf } from './filehandles.ts';

/** Cookies of the two entries that the server leaves to its clients (section 6.5.29). */
const DOT_COOKIE = 1;
const DOT_DOT_COOKIE = 2;
const DOT = new TextEncoder().encode('.');
const DOT_DOT = new TextEncoder().encode('..');

/** What a first page is asked with, and a page that is read for its verifier alone takes. */
const NO_VERIFIER = 0n as Verifier;
const SMALL_PAGE_BYTES = 4096;

/** Which part of a directory is wanted. */
export interface ListingStart {
  readonly nodeid: Nodeid;
  /** The cookie of the last entry that was taken; 0 is the beginning. */
  readonly cookie: number;
  readonly withAttributes: boolean;
}

/** Reads the directories of one session. Its methods throw DafsError. */
export class DirectoryListing {
  readonly #client: FileClient;
  /** Goes with the cookies of every directory of the file system; learnt from the first page read. */
  #cookieVerifier: Verifier | undefined;

  constructor(client: FileClient) {
    this.#client = client;
  }

  /** FileSystem.readdir. */
  read(
    directory: Filehandle,
    { nodeid, cookie, withAttributes }: ListingStart,
    bytesHint: number,
    credential: number,
    visit: DirectoryVisitor,
  ): boolean {
    if (cookie < DOT_COOKIE && !visit(ownEntry(DOT, nodeid, DOT_COOKIE))) return false;
    if (cookie < DOT_DOT_COOKIE) {
      const parent = this.#parent(directory, nodeid, credential);
      if (!visit(ownEntry(DOT_DOT, parent, DOT_DOT_COOKIE))) return false;
    }
    let position = cookie <= DOT_DOT_COOKIE ? 0 : cookie;
    for (;;) {
      const verifier = position === 0 ? NO_VERIFIER : this.#verifierForCookies(credential);
      const start = { cookie: position, verifier, withStatus: withAttributes };
      const page = this.#client.readdir(directory, start, bytesHint, credential);
      this.#cookieVerifier = page.verifier;
      for (const entry of page.entries) {
        if (!visit(this.#entry(entry))) return false;
        position = entry.cookie;
      }
      if (page.isLast) return true;
    }
  }

  #parent(directory: Filehandle, nodeid: Nodeid, credential: number): Nodeid {
    if (nodeid === ROOT_NODEID) return ROOT_NODEID;
    try {
      return nodeidOf(this.#client.lookupParent(directory, credential));
    } catch (error) {
      // Who may read a directory and not search it gets its listing all the same (readdir(3)).
      if (error instanceof DafsError && error.errno === 'EACCES') return nodeid;
      throw error;
    }
  }

  #entry(entry: ClientDirectoryEntry): DirectoryEntry {
    const { name, cookie, fileId, type, status } = entry;
    const blockBytes = this.#client.fileSystem.preferredTransferBytes;
    return {
      name,
      nodeid: fileId as Nodeid,
      type: typeBits(type),
      cookie,
      attributes: status && attributesOf(status, blockBytes),
    };
  }

  #verifierForCookies(credential: number): Verifier {
    this.#cookieVerifier ??= this.#client.readdir(
      this.#client.root,
      undefined,
      SMALL_PAGE_BYTES,
      credential,
    ).verifier;
    return this.#cookieVerifier;
  }
}

function ownEntry(name: Uint8Array, nodeid: Nodeid, cookie: number): DirectoryEntry {
  return { name, nodeid, type: constants.S_IFDIR, cookie, attributes: undefined };
}
