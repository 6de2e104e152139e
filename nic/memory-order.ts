/**
 * Loads and stores of words that two processes share, with the order that the protocol needs.
 *
 * An Atomics call costs twenty nanoseconds, because the compiler does not inline it. On x86 every load
 * acquires and every store releases by itself, so that a plain access will do there; only a store that
 * a later load must not overtake needs Atomics.store. The compiler keeps plain accesses in program
 * order, and cannot keep a value in a register over a poll, because no poll gets by without a call
 * that it does not see through (Context.idlePoll looks at the clock).
 */
type Load = (words: Int32Array, index: number) => number;
type Store = (words: Int32Array, index: number, value: number) => void;

const isStronglyOrdered = process.arch === 'x64';

/** Loads a word; what is read afterwards is at least as new. */
export const loadAcquire: Load = isStronglyOrdered
  ? (words, index) => words[index] as number
  : (words, index) => Atomics.load(words, index);

/** Stores a word; whoever sees it sees all that was stored before, and all reads before are done. */
export const storeRelease: Store = isStronglyOrdered
  ? (words, index, value) => {
      words[index] = value;
    }
  : (words, index, value) => {
      Atomics.store(words, index, value);
    };

const nowhere = new Int32Array(new SharedArrayBuffer(4));

/** What is loaded and stored before it is so before what comes after it, for every other process. */
export const fence: () => void = isStronglyOrdered
  ? () => {}
  : () => {
      Atomics.store(nowhere, 0, 0);
      Atomics.load(nowhere, 0);
    };
