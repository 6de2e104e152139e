import type { DirectOpBuffer } from '../../client/protocol/types.ts';

/** Registered memory of the server's, for RDMA to take from or put into. */
export interface LocalMemory {
  readonly memory: Uint8Array;
  readonly address: number;
  readonly lkey: number;
}

/** Which way bulk data moves, in the words of the side that moves it. */
export type Direction = 'rdma-write' | 'rdma-read';

/**
 * The memory of the client at the other end of a channel. Work is done when the call returns: what
 * was written has landed before any response sent afterwards, what was read lies in local memory.
 */
export interface RemoteMemory {
  /** Whether the first `length` bytes of the client's buffer may be moved in this direction. */
  admits(buffer: DirectOpBuffer, length: number, direction: Direction): boolean;
  /** @throws Refusal DAFSERR_IO when the connection breaks over it. */
  write(
    local: LocalMemory,
    localOffset: number,
    length: number,
    handle: number,
    address: number,
  ): void;
  /** @throws Refusal DAFSERR_IO when the connection breaks over it. */
  read(
    local: LocalMemory,
    localOffset: number,
    length: number,
    handle: number,
    address: number,
  ): void;
}
