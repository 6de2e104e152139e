/**
 * A worker's way to the kernel: one descriptor of /dev/fuse, read without blocking while polling is
 * worth it, else slept on by the worker that has the watch.
 *
 * A reply goes out through the channel that its request came in by: the kernel looks for it there
 * and nowhere else.
 */

import { constants } from 'node:os';
import type { PollBudget } from '../../../nic/poll-budget.ts';
import { Epoll, EpollEvent, readInto, writeFrom } from '../../../nic/system-calls-fuse.ts';
import type { Wire } from './exchange.ts';
import type { Watch } from './watch.ts';
import type { WriteOrder } from './write-order.ts';

const { EAGAIN, ECONNABORTED, EINTR, ENODEV, ENOENT, ENOTCONN } = constants.errno;

const DEVICE_TAG = 0;
const WAKE_TAG = 1;

/** How often the device is asked between two looks at the clock. */
const READS_PER_LOOK = 4;

/** How many requests in a row lay ready when they were asked for, before another worker shall help. */
const REQUESTS_PER_PILE = 8;

export interface ChannelOptions {
  /** The device, O_NONBLOCK. */
  readonly fd: number;
  /** An eventfd that stays readable once workers shall stop. */
  readonly wakeFd: number;
  /** Its first word is set before wakeFd becomes readable. */
  readonly stop: Int32Array;
  /** To be had by who waits for requests. */
  readonly watch: Watch;
  /** How long to poll before sleeping. */
  readonly budget: PollBudget;
  /** Is told of each attempt to take a request. */
  readonly order: Pick<WriteOrder, 'asks' | 'gotNothing'>;
  /** Called when no request is there: does something else meanwhile, if there is, and says so. */
  readonly whileIdle: () => boolean;
}

export class Channel implements Wire {
  readonly #fd: number;
  readonly #epoll = new Epoll();
  readonly #budget: PollBudget;
  readonly #stop: Int32Array;
  readonly #watch: Watch;
  readonly #order: Pick<WriteOrder, 'asks' | 'gotNothing'>;
  readonly #whileIdle: () => boolean;
  #inRow = 0;
  #ended = false;
  #aborted = false;

  constructor({ fd, wakeFd, stop, watch, budget, order, whileIdle }: ChannelOptions) {
    this.#fd = fd;
    this.#whileIdle = whileIdle;
    this.#watch = watch;
    this.#order = order;
    this.#stop = stop;
    this.#budget = budget;
    this.#epoll.add(fd, EpollEvent.IN | EpollEvent.EXCLUSIVE, DEVICE_TAG);
    this.#epoll.add(wakeFd, EpollEvent.IN, WAKE_TAG);
    watch.hasRequests = () => this.#epoll.wait(0) === DEVICE_TAG;
  }

  /**
   * Reads the next request to `address`.
   * @returns its length, or 0 when the file system is unmounted or shall stop
   */
  receive(address: number, bytes: number): number {
    while (!this.#ended) {
      if (Atomics.load(this.#stop, 0) !== 0) break;
      const count = this.#tryReceive(address, bytes);
      if (count !== 0) {
        this.#inRow++;
        if (this.#inRow % REQUESTS_PER_PILE === 0) this.#shareIfPiledUp();
        return count;
      }
      this.#inRow = 0;
      if (this.#ended) break;
      if (this.#whileIdle()) continue;
      if (this.#watch.isMine) {
        const polled = this.#poll(address, bytes);
        if (polled !== 0) return polled;
        if (!this.#ended) this.#epoll.wait(-1);
      } else this.#watch.take();
    }
    this.#watch.handOver();
    return 0;
  }

  /**
   * Lets another worker help, if one more request waits behind the one just taken. A single program
   * that asks as fast as it is answered makes rows, too, but no pile.
   */
  #shareIfPiledUp(): void {
    if (this.#watch.isMine && this.#watch.hasRequests()) this.#watch.handOver();
  }

  /** One read: the length of a request, or 0 when there was none. */
  #tryReceive(address: number, bytes: number): number {
    this.#order.asks();
    const count = readInto(this.#fd, address, bytes);
    if (count > 0) return count;
    this.#order.gotNothing();
    // ENOENT: the request was taken back while we read it.
    if (count === -EAGAIN || count === -EINTR || count === -ENOENT) return 0;
    // 0 is the end of a socket, which tests put in the device's place.
    if (count !== 0 && count !== -ENODEV && count !== -ECONNABORTED && count !== -ENOTCONN) {
      throw new Error(`/dev/fuse cannot be read: errno ${-count}`);
    }
    this.#ended = true;
    this.#aborted = count === -ECONNABORTED;
    return 0;
  }

  /** Whether the conversation ended by force (through /sys/fs/fuse/connections): the mount remains. */
  get aborted(): boolean {
    return this.#aborted;
  }

  /** One round of polling, if the budget has one. */
  #poll(address: number, bytes: number): number {
    if (!this.#budget.begin()) return 0;
    let count = 0;
    do {
      for (let reads = 0; reads < READS_PER_LOOK && count === 0 && !this.#ended; reads++) {
        count = this.#tryReceive(address, bytes);
      }
    } while (count === 0 && !this.#ended && !this.#budget.isOver());
    this.#budget.end(count !== 0);
    return count;
  }

  /** Sends a reply of `bytes` at `address`. */
  reply(address: number, bytes: number): void {
    const written = writeFrom(this.#fd, address, bytes);
    // ENOENT: whoever waited for the reply was killed. The others: the next read tells of it.
    if (written === bytes || written === -ENOENT) return;
    if (written === -ENODEV || written === -ECONNABORTED || written === -ENOTCONN) return;
    throw new Error(`/dev/fuse refuses a reply of ${bytes} bytes: errno ${-written}`);
  }

  /** Gives up what it sleeps with; the descriptor is its owner's. */
  close(): void {
    this.#epoll.close();
  }
}
