/** Builds a tree worth copying: what npm and Debian installed here, and what they would never make. */
import {
  chmodSync,
  copyFileSync,
  type Dirent,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pattern } from '../conformance/expect.ts';

export interface TreeSize {
  readonly files: number;
  readonly bytes: number;
}

const sources = [
  fileURLToPath(new URL('../../node_modules', import.meta.url)),
  '/usr/share',
  '/usr/include',
  '/usr/lib',
] as const;

/** Counts and bytes that grow as files are added. */
class Budget {
  files: number;
  bytes: number;

  constructor({ files, bytes }: TreeSize) {
    this.files = files;
    this.bytes = bytes;
  }

  get isSpent(): boolean {
    return this.files <= 0 && this.bytes <= 0;
  }

  get isPartlySpent(): boolean {
    return this.files <= 0 || this.bytes <= 0;
  }

  spend(bytes: number): void {
    this.files -= 1;
    this.bytes -= bytes;
  }
}

const LARGEST_COPIED_BYTES = 64 << 20;

/** Copies files, directories and links until `share` is spent in one regard, and takes them off `rest` too. */
function copySome(source: string, target: string, share: Budget, rest: Budget): void {
  mkdirSync(target, { recursive: true });
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    if (share.isPartlySpent) {
      return;
    }
    if (entry.isDirectory()) {
      copySome(from, to, share, rest);
    } else if (isWorthCopying(entry, from)) {
      copyOne(entry, from, to);
      const { size } = lstatSync(from);
      share.spend(size);
      rest.spend(size);
    }
  }
}

function copyOne(entry: Dirent, from: string, to: string): void {
  if (entry.isSymbolicLink()) {
    symlinkSync(readlinkSync(from), to);
  } else {
    copyFileSync(from, to);
  }
}

function isWorthCopying(entry: Dirent, path: string): boolean {
  if (entry.isSymbolicLink()) {
    return true;
  }
  const status = lstatSync(path);
  const isReadable = (status.mode & 0o444) !== 0;
  return entry.isFile() && isReadable && status.size <= LARGEST_COPIED_BYTES;
}

/** Tops up with files of sizes between nothing and a few MiB. */
function generateRest(target: string, budget: Budget): void {
  mkdirSync(target);
  for (let index = 0; !budget.isSpent; index += 1) {
    const folder = join(target, String(Math.floor(index / 100)));
    if (index % 100 === 0) {
      mkdirSync(folder);
    }
    const spread = Math.max(4096, Math.floor(budget.bytes / Math.max(budget.files, 50)));
    const bytes = Math.min((index * 7919) % (2 * spread), 4 << 20);
    writeFileSync(join(folder, `file-${index}`), pattern(bytes, index + 1));
    budget.spend(bytes);
  }
}

/** Links, modes, names and times that ordinary trees hold few of. */
function makeOddities(target: string): void {
  mkdirSync(target);
  const modes = [0o000, 0o400, 0o444, 0o600, 0o644, 0o700, 0o755, 0o777, 0o2755, 0o4755];
  for (const mode of modes) {
    const path = join(target, `mode-${mode.toString(8)}`);
    writeFileSync(path, path);
    chmodSync(path, mode);
  }
  writeFileSync(join(target, 'linked'), pattern(5000));
  linkSync(join(target, 'linked'), join(target, 'linked-again'));
  mkdirSync(join(target, 'elsewhere'));
  linkSync(join(target, 'linked'), join(target, 'elsewhere', 'linked-too'));
  symlinkSync('linked', join(target, 'symlink'));
  symlinkSync('nothing/at/all', join(target, 'dangling'));
  symlinkSync('..', join(target, 'elsewhere', 'up'));
  mkdirSync(join(target, 'empty'));
  writeFileSync(join(target, 'empty-file'), '');
  for (const name of [' ', 'a\nb', '-rf', 'žluťoučký', '…', 'n'.repeat(255)]) {
    writeFileSync(join(target, name), name);
  }
  writeFileSync(Buffer.concat([Buffer.from(`${target}/bytes-`), Buffer.of(0xff, 0x80)]), 'bytes');
}

/**
 * Gives every entry one time for access and modification, in whole milliseconds: what every driver
 * can carry. Children first, because a directory's own times move with them.
 */
function setTimes(path: Buffer, index = 0): number {
  let next = index;
  if (lstatSync(path).isDirectory()) {
    for (const name of readdirSync(path, { encoding: 'buffer' })) {
      next = setTimes(Buffer.concat([path, Buffer.from('/'), name]), next);
    }
  }
  // Eighths of a second are exact in binary.
  const seconds = 1_000_000_000 + next * 1000 + (next % 8) / 8;
  lutimesSync(path, seconds, seconds);
  return next + 1;
}

/** Builds the tree in `target`, which must not exist; it holds at least this much. */
export function makeTree(target: string, size: TreeSize): void {
  mkdirSync(target);
  const rest = new Budget(size);
  const share = 1 / (sources.length + 1);
  sources.forEach((source, index) => {
    if (existsSync(source)) {
      const budget = new Budget({ files: size.files * share, bytes: size.bytes * share });
      copySome(source, join(target, `source-${index}`), budget, rest);
    }
  });
  generateRest(join(target, 'generated'), rest);
  makeOddities(join(target, 'odd'));
  setTimes(Buffer.from(target));
}
