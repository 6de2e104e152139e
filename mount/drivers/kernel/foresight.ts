/**
 * What a worker knows before the kernel asks, because the kernel always asks it next.
 *
 * After a change in a directory the kernel believes nothing that it knew of the directory, and asks for
 * its attributes at the next path that leads through it. So they are asked for along with the change. At
 * the first write to a file it asks for capabilities, which a file that was just made does not have.
 *
 * Both is true as long as nobody changes anything: while there are no other clients, and no worker
 * has begun a change since, or was at one meanwhile (cache-board.ts).
 */

import type { Attributes, FileSystem, Nodeid } from '../../file-system.ts';
import { type OperationName, opcodesOf } from '../../kernel-abi/operations.ts';
import { type CacheBoard, CacheMode } from './cache-board.ts';

/** The nodeid of such a request is the directory's whose attributes the kernel will ask for. */
const changesInDirectory: readonly OperationName[] = [
  'SYMLINK',
  'MKNOD',
  'MKDIR',
  'UNLINK',
  'RMDIR',
  'CREATE',
];

/** What else may change a directory's attributes, its time of access included, or give a file some. */
const otherChanges: readonly OperationName[] = [
  'SETATTR',
  'RENAME',
  'RENAME2',
  'LINK',
  'TMPFILE',
  'SETXATTR',
  'REMOVEXATTR',
  'IOCTL',
  'READDIR',
  'READDIRPLUS',
];

const foreseeing = opcodesOf(changesInDirectory);
const changing = opcodesOf([...changesInDirectory, ...otherChanges]);

/** A capability would be this attribute: capabilities(7). */
const CAPABILITY = Buffer.from('security.capability');

/** The foresight of one worker. */
export class Foresight {
  readonly #board: CacheBoard;
  readonly #fileSystem: Pick<FileSystem, 'foresight'>;
  #isChange = false;
  /** The board's count of changes at which the following is true. */
  #changes = -1;
  #directory: Nodeid | undefined;
  #newFile: Nodeid | undefined;

  constructor(board: CacheBoard, fileSystem: Pick<FileSystem, 'foresight'>) {
    this.#board = board;
    this.#fileSystem = fileSystem;
  }

  /** A request was taken; the server has not been asked yet. */
  begin(opcode: number, nodeid: Nodeid): void {
    this.#isChange = changing.has(opcode);
    if (!this.#isChange) return;
    this.#newFile = undefined;
    this.#directory = undefined;
    this.#changes = this.#board.beginChange();
    if (foreseeing.has(opcode) && this.#board.mode() === CacheMode.ALONE) {
      this.#directory = nodeid;
      this.#fileSystem.foresight?.expect(nodeid);
    }
  }

  /** The request was answered. What came along with a change that failed may have been undone. */
  end(hasSucceeded: boolean): void {
    if (!this.#isChange) return;
    this.#changes = this.#board.endChange(this.#changes);
    if (!hasSucceeded) this.#directory = undefined;
  }

  /** The request that is under way has made this file. */
  made(nodeid: Nodeid): void {
    this.#newFile = nodeid;
  }

  /** The attributes of a directory, if they are known: once. */
  attributes(nodeid: Nodeid): Attributes | undefined {
    if (nodeid !== this.#directory || !this.#isTrue()) return undefined;
    this.#directory = undefined;
    return this.#fileSystem.foresight?.take();
  }

  /** Whether it is known that the file does not have this extended attribute. */
  lacks(nodeid: Nodeid, name: Uint8Array): boolean {
    return nodeid === this.#newFile && this.#isTrue() && CAPABILITY.equals(name);
  }

  #isTrue(): boolean {
    return this.#board.changes() === this.#changes && this.#board.mode() === CacheMode.ALONE;
  }
}
