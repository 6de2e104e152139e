import type { Client } from '../sessions/session.ts';
import type { FileId } from '../store/index.ts';

/** Files whose changes are remembered; of more, those that changed first are forgotten. */
const MOST_FILES = 4096;

/** What a client has under way when another one changes a file is through after so long. */
const SHARED_MS = 60_000;

interface Changes {
  lastClient: Client;
  /** When the file was last changed by another client than the one before. */
  takenOverMs: number;
}

/** Knows which files several clients have been changing lately. */
export class SharedFiles {
  readonly #files = new Map<FileId, Changes>();

  /** Takes note of a change. @returns whether another client has changed the file lately */
  changed(id: FileId, client: Client, nowMs: number): boolean {
    const changes = this.#files.get(id);
    if (changes === undefined) {
      this.#remember(id, { lastClient: client, takenOverMs: Number.NEGATIVE_INFINITY });
      return false;
    }
    if (changes.lastClient !== client) {
      changes.lastClient = client;
      changes.takenOverMs = nowMs;
    }
    return nowMs - changes.takenOverMs < SHARED_MS;
  }

  /** There is one client alone: nothing is shared. */
  clear(): void {
    this.#files.clear();
  }

  #remember(id: FileId, changes: Changes): void {
    if (this.#files.size === MOST_FILES) {
      const [oldest] = this.#files.keys();
      this.#files.delete(oldest as FileId);
    }
    this.#files.set(id, changes);
  }
}
