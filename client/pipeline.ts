import { DafsError } from './dafs-error.ts';
import { allLent, type TransferSlot } from './registration.ts';
import type { Request } from './request.ts';
import type { Session } from './session.ts';

/** What a transfer of a chunk came to. */
export interface Moved {
  readonly bytes: number;
  /** A short transfer that is at the end of the file is not repeated for the rest. */
  readonly isAtEnd?: boolean;
}

/** A part of a transfer that is on its way. */
export interface Chunk<Result extends Moved> {
  readonly request: Request<unknown, Result>;
  /** Where it begins in the whole transfer. */
  readonly position: number;
  readonly bytes: number;
  readonly slot: TransferSlot | undefined;
}

/** How the chunks of one transfer are moved. */
export interface ChunkMover<Result extends Moved> {
  readonly chunkBytes: number;
  /** Sends the request for a chunk; undefined while there is no memory for it. */
  begin(position: number, bytes: number): Chunk<Result> | undefined;
  /** Takes what a chunk brought. */
  take(chunk: Chunk<Result>, result: Result): void;
  /** Frees the chunk's memory; the server does not touch it any more. */
  release(chunk: Chunk<Result>): void;
}

/**
 * Moves `total` bytes in chunks, several at a time. What the server leaves undone is asked for again
 * until it moves nothing or the file ends.
 * @returns how many bytes were moved, from the start without a gap
 * @throws DafsError when not even the first byte could be moved; later errors end the transfer short
 */
export function moveInChunks<Result extends Moved>(
  session: Session,
  total: number,
  mover: ChunkMover<Result>,
): number {
  const underway: Chunk<Result>[] = [];
  let begun = 0;
  let done = 0;
  try {
    while (done < total) {
      begun += beginChunks(begun, total, mover, underway);
      const chunk = underway[0] as Chunk<Result>;
      const result = session.wait(chunk.request);
      mover.take(chunk, result);
      mover.release(chunk);
      underway.shift();
      done += result.bytes;
      if (result.bytes < chunk.bytes) {
        abandon(session, mover, underway);
        begun = done;
        if (result.isAtEnd || result.bytes === 0) {
          break;
        }
      }
    }
  } catch (error) {
    if (done === 0 || !(error instanceof DafsError)) {
      throw error;
    }
  } finally {
    abandon(session, mover, underway);
  }
  return done;
}

/** Sends requests from `begun` on while there is memory for them; returns how many bytes they move. */
function beginChunks<Result extends Moved>(
  begun: number,
  total: number,
  mover: ChunkMover<Result>,
  underway: Chunk<Result>[],
): number {
  let position = begun;
  while (position < total) {
    const chunk = mover.begin(position, Math.min(mover.chunkBytes, total - position));
    if (chunk === undefined) {
      break;
    }
    underway.push(chunk);
    position += chunk.bytes;
  }
  if (underway.length === 0) {
    allLent('transfer');
  }
  return position - begun;
}

/** Waits out what is under way: the server may move data until it has answered. */
function abandon<Result extends Moved>(
  session: Session,
  mover: ChunkMover<Result>,
  underway: Chunk<Result>[],
): void {
  for (const chunk of underway) {
    session.settle(chunk.request);
    mover.release(chunk);
  }
  underway.length = 0;
}
