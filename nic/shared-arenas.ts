import type { Announcements } from './announcements.ts';
import type { Arena } from './arena.ts';

interface SharedArena {
  readonly id: number;
  /** Whether all peers of the domain are told of it; else only those in `peers`. */
  isForAll: boolean;
  readonly peers: Set<Announcements>;
}

/**
 * The arenas that a protection domain shares, each under a segment id, and who is sent its descriptor:
 * all connected peers, or only those that a memory window was bound for.
 */
export class SharedArenas {
  readonly #audience = new Set<Announcements>();
  readonly #arenas = new Map<Arena, SharedArena>();
  #nextId = 1;

  /** A peer listens from now on. */
  join(peer: Announcements): void {
    this.#audience.add(peer);
  }

  /** A peer listens no more. */
  leave(peer: Announcements): void {
    this.#audience.delete(peer);
    for (const { peers } of this.#arenas.values()) peers.delete(peer);
  }

  /** What a new peer has to be told of: arenas and their segment ids. */
  forAll(): [Arena, number][] {
    const shared: [Arena, number][] = [];
    for (const [arena, { id, isForAll }] of this.#arenas) if (isForAll) shared.push([arena, id]);
    return shared;
  }

  /** The arena's segment id; the first time, all connected peers are sent the arena. */
  shareWithAll(arena: Arena): number {
    const shared = this.#sharedOf(arena);
    if (!shared.isForAll) {
      shared.isForAll = true;
      for (const peer of this.#audience) {
        if (!shared.peers.has(peer)) peer.announce(shared.id, arena);
      }
    }
    return shared.id;
  }

  /** The arena's segment id; the first time, this peer is sent the arena. */
  shareWith(arena: Arena, peer: Announcements): number {
    const shared = this.#sharedOf(arena);
    if (!shared.isForAll && !shared.peers.has(peer)) {
      shared.peers.add(peer);
      peer.announce(shared.id, arena);
    }
    return shared.id;
  }

  #sharedOf(arena: Arena): SharedArena {
    let shared = this.#arenas.get(arena);
    if (shared === undefined) {
      shared = { id: this.#nextId++, isForAll: false, peers: new Set() };
      this.#arenas.set(arena, shared);
      arena.closing.add(this.#arenaClosing);
    }
    return shared;
  }

  readonly #arenaClosing = (arena: Arena): void => {
    const shared = this.#arenas.get(arena);
    if (shared === undefined) return;
    this.#arenas.delete(arena);
    for (const peer of shared.isForAll ? this.#audience : shared.peers) peer.release(shared.id);
  };

  close(): void {
    for (const arena of this.#arenas.keys()) arena.closing.delete(this.#arenaClosing);
    this.#arenas.clear();
  }
}
