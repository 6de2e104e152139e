import type { StateKind, StateTable, TransactionObserver } from '../store/index.ts';

/** How something in memory becomes an entry of the store's state. */
export interface EntryFormat<Item> {
  readonly kind: StateKind;
  keyOf(item: Item): Uint8Array;
  /** Undefined when the item is gone. */
  contentOf(item: Item): Uint8Array | undefined;
}

/**
 * Lets entries of the store's state follow what they stand for. What changes is only noted, and made
 * part of the store's transaction by `record`, before the commit: what comes and goes between two
 * commits costs nothing, and what a failed commit has not taken is noted again.
 */
export class StateRecords<Item> implements TransactionObserver {
  readonly #state: StateTable;
  readonly #format: EntryFormat<Item>;
  /** In the order of their first changes: of two items with one key the later one prevails. */
  #changed = new Set<Item>();
  /** What the open transaction has taken. */
  readonly #recorded: Item[] = [];

  constructor(state: StateTable, format: EntryFormat<Item>) {
    this.#state = state;
    this.#format = format;
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  /** An item is new, has changed, or is gone. */
  changed(item: Item): void {
    this.#changed.add(item);
  }

  /** Brings the state up to date, in the open transaction. @throws {StoreError} */
  record(): void {
    const { kind, keyOf, contentOf } = this.#format;
    for (const item of this.#changed) {
      const value = contentOf(item);
      if (value === undefined) {
        this.#state.delete(kind, keyOf(item));
      } else {
        this.#state.put(kind, keyOf(item), value);
      }
      this.#recorded.push(item);
    }
    this.#changed.clear();
  }

  /** Forgets items that came and went without leaving an entry, while nothing can be recorded. */
  forgetUnrecorded(): void {
    const { kind, keyOf, contentOf } = this.#format;
    for (const item of this.#changed) {
      if (contentOf(item) === undefined && !this.#state.has(kind, keyOf(item))) {
        this.#changed.delete(item);
      }
    }
  }

  committed(): void {
    this.#recorded.length = 0;
  }

  rolledBack(): void {
    if (this.#recorded.length > 0) {
      this.#changed = new Set([...this.#recorded, ...this.#changed]);
      this.#recorded.length = 0;
    }
  }
}
