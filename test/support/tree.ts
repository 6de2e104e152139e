/** What a directory tree holds, to the last bit that a copy should keep. */
import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';

export interface TreeEntry {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeNs: string;
  /** The first path, in order, of the same inode; a file of one name only has its own. */
  readonly sameAs: string;
  /** SHA-256 of a file's content, or what a symbolic link holds. */
  readonly content: string;
}

export interface TreeOptions {
  /** Modification times are cut down to this: what the copy's way can carry. */
  readonly mtimeUnitNs?: number;
}

const CHUNK_BYTES = 1 << 20;
const chunk = Buffer.alloc(CHUNK_BYTES);

function hashFile(path: Buffer): string {
  const hash = createHash('sha256');
  const fd = openSync(path, 'r');
  for (let count = readSync(fd, chunk); count > 0; count = readSync(fd, chunk)) {
    hash.update(chunk.subarray(0, count));
  }
  closeSync(fd);
  return hash.digest('hex');
}

function contentOf(path: Buffer, status: BigIntStats): string {
  if (status.isFile()) {
    return hashFile(path);
  }
  return status.isSymbolicLink() ? readlinkSync(path, 'latin1') : '';
}

/** A path below another; bytes, because names need not be text. */
function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name]);
}

/** Reads a whole tree, in the order of paths; they are told as Latin-1. */
export function readTree(root: string, { mtimeUnitNs = 1 }: TreeOptions = {}): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const firstPaths = new Map<bigint, string>();
  const visit = (path: Buffer) => {
    const status = lstatSync(path, { bigint: true });
    const label = path.subarray(Buffer.byteLength(root)).toString('latin1');
    const sameAs = firstPaths.get(status.ino) ?? label;
    firstPaths.set(status.ino, sameAs);
    entries.push({
      path: label,
      mode: Number(status.mode),
      uid: Number(status.uid),
      gid: Number(status.gid),
      // The size of a directory is its file system's own affair.
      size: status.isDirectory() ? 0 : Number(status.size),
      mtimeNs: String(status.mtimeNs - (status.mtimeNs % BigInt(mtimeUnitNs))),
      sameAs,
      content: contentOf(path, status),
    });
    if (status.isDirectory()) {
      for (const name of readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare)) {
        visit(below(path, name));
      }
    }
  };
  visit(Buffer.from(root));
  return entries;
}
