/** Files as a whole, and what the kernel keeps of them in memory. */
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** Pages, names and inodes that nobody uses: proc_sys_vm(5). */
const DROP_ALL = '3';
const CHUNK_BYTES = 1 << 20;

/** Whether this user may drop what the kernel keeps. */
export const canDropCaches = (): boolean => process.geteuid?.() === 0;

/** What a cold job finds of a file's data. @param isForgotten by who reads, before each pass over the file */
export function coldData(isForgotten: boolean): string {
  if (isForgotten) return 'nothing of the file is cached at the beginning of each pass over it';
  if (canDropCaches()) return 'nothing of the file is cached at the beginning';
  return 'not really cold: only fio, or root, can make the kernel forget';
}

/** What a cold job finds of names and attributes. */
export function coldNames(): string {
  return canDropCaches()
    ? 'the kernel has forgotten names, attributes and data'
    : 'not really cold: only root can make the kernel forget';
}

/** Makes the kernel forget what it can read again: as root. For others nothing is done. */
export function dropCaches(): void {
  if (canDropCaches()) writeFileSync('/proc/sys/vm/drop_caches', DROP_ALL);
}

/** Gives a file so many bytes, and waits until they are stable. */
export async function writeWhole(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES, 0x5a);
    for (let offset = 0; offset < bytes; offset += CHUNK_BYTES)
      await file.write(buffer, 0, CHUNK_BYTES, offset);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads all of a file through the kernel's cache, so that what fits in there is there. */
export async function fillCache(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    while ((await file.read(buffer, 0, CHUNK_BYTES, null)).bytesRead > 0);
  } finally {
    await file.close();
  }
}
