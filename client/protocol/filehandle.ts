/**
 * What the filehandles of our servers hold: the file system's handle (16 bytes), the file's id in it
 * (8 bytes, the first one the most significant), and zeros; those of named attributes say there which
 * one. To the draft they are opaque; clients of ours compute them from file ids, and so need no table
 * of those that they were given.
 */

import { FILEHANDLE_BYTES, type Filehandle, FSHANDLE_BYTES } from './types.ts';

const FILE_ID_END = FSHANDLE_BYTES + 8;
const HIGH_WORD = 0x1_0000_0000;
const HIGHEST_HIGH_WORD = 0x1f_ffff;

/** The filehandle of a file. */
export function filehandleOf(fsHandle: Uint8Array, fileId: number): Filehandle {
  const handle = new Uint8Array(FILEHANDLE_BYTES) as Filehandle;
  handle.set(fsHandle);
  setFileId(handle, fileId);
  return handle;
}

/** Makes a filehandle stand for another file of the same file system. */
export function setFileId(handle: Filehandle, fileId: number): void {
  setWord(handle, FSHANDLE_BYTES, Math.floor(fileId / HIGH_WORD));
  setWord(handle, FSHANDLE_BYTES + 4, fileId);
}

/** The id of the file that a filehandle stands for; undefined when no server of ours made it. */
export function fileIdOf(handle: Filehandle): number | undefined {
  const high = wordAt(handle, FSHANDLE_BYTES);
  if (high > HIGHEST_HIGH_WORD) {
    return undefined;
  }
  for (let position = FILE_ID_END; position < FILEHANDLE_BYTES; position += 1) {
    if (handle[position] !== 0) {
      return undefined;
    }
  }
  return high * HIGH_WORD + wordAt(handle, FSHANDLE_BYTES + 4);
}

/** Whether a filehandle is one of the file system that has this handle. */
export function isOfFileSystem(handle: Filehandle, fsHandle: Uint8Array): boolean {
  for (let position = 0; position < FSHANDLE_BYTES; position += 1) {
    if (handle[position] !== fsHandle[position]) {
      return false;
    }
  }
  return true;
}

function wordAt(bytes: Uint8Array, position: number): number {
  const high = ((bytes[position] as number) << 24) | ((bytes[position + 1] as number) << 16);
  const low = ((bytes[position + 2] as number) << 8) | (bytes[position + 3] as number);
  return (high | low) >>> 0;
}

function setWord(bytes: Uint8Array, position: number, word: number): void {
  bytes[position] = word >>> 24;
  bytes[position + 1] = word >>> 16;
  bytes[position + 2] = word >>> 8;
  bytes[position + 3] = word;
}
