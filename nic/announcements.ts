import type { Arena } from './arena.ts';
import { NicError } from './error.ts';
import { type AnnouncedSegment, encodeMessage, MessageType } from './messages.ts';
import type { ProtectionDomain } from './protection-domain.ts';
import { sendMessage } from './unix-socket.ts';

/** How an arena is described to peers; its descriptor goes with it. */
export function announcedSegment(id: number, arena: Arena): AnnouncedSegment {
  return { id, bytes: arena.bytes, writable: arena.remote === 'write' };
}

interface Announcement {
  readonly payload: Uint8Array;
  readonly descriptors: readonly number[];
}

/** Keeps one peer informed, over its socket, of the arenas that a protection domain shares. */
export class Announcements {
  readonly socket: number;
  readonly #domain: ProtectionDomain;
  /** What the socket had no room for yet. */
  readonly #waiting: Announcement[] = [];

  constructor(socket: number, domain: ProtectionDomain) {
    this.socket = socket;
    this.#domain = domain;
    domain.arenas.join(this);
  }

  /** Sends the peer an arena in which a region is registered for remote access. */
  announce(id: number, arena: Arena): void {
    const payload = encodeMessage({
      type: MessageType.SEGMENT,
      segments: [announcedSegment(id, arena)],
    });
    this.#waiting.push({ payload, descriptors: [arena.descriptor] });
    this.flush();
  }

  /** Tells the peer that an arena is closed. */
  release(id: number): void {
    const payload = encodeMessage({ type: MessageType.RELEASE, released: id });
    this.#waiting.push({ payload, descriptors: [] });
    this.flush();
  }

  /** Sends what the socket has room for; the rest waits for the next time. */
  flush(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      try {
        if (!sendMessage(this.socket, next.payload, next.descriptors)) return;
      } catch (error) {
        if (!(error instanceof NicError)) throw error;
        // The peer is gone, as whoever reads the socket learns too.
        this.#waiting.length = 0;
        return;
      }
      this.#waiting.shift();
    }
  }

  close(): void {
    this.#domain.arenas.leave(this);
  }
}
