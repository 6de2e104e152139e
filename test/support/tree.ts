/** What a directory tree holds, to the last bit that a copy should keep. */
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';

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

function hashFile(path: string): string {
  const hash = createHash('sha256');
  const fd = openSync(path, 'r');
  for (let count = readSync(fd, chunk); count > 0; count = readSync(fd, chunk)) {
    hash.update(chunk.subarray(0, count));
  }
  closeSync(fd);
  return hash.digest('hex');
}

/** Reads a whole tree, in the order of paths. */
export function readTree(root: string, { mtimeUnitNs = 1 }: TreeOptions = {}): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const firstPaths = new Map<bigint, string>();
  const visit = (path: string) => {
    const status = lstatSync(join(root, path), { bigint: true });
    if (!firstPaths.has(status.ino)) {
      firstPaths.set(status.ino, path);
    }
    const mtime = status.mtimeNs - (status.mtimeNs % BigInt(mtimeUnitNs));
    entries.push({
      path,
      mode: Number(status.mode),
      uid: Number(status.uid),
      gid: Number(status.gid),
      // The size of a directory is its file system's own affair.
      size: status.isDirectory() ? 0 : Number(status.size),
      mtimeNs: String(mtime),
      sameAs: firstPaths.get(status.ino) ?? path,
      content: status.isFile()
        ? hashFile(join(root, path))
        : status.isSymbolicLink()
          ? readlinkSync(join(root, path))
          : '',
    });
    if (status.isDirectory()) {
      for (const name of readdirSync(join(root, path)).sort()) {
        visit(join(path, name));
      }
    }
  };
  visit('.');
  return entries;
}
