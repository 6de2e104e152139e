/**
 * A mount and its worker threads.
 *
 * The main thread mounts, answers INIT and gives each worker a channel of its own; from then on it
 * only waits for them to end, which they do when the file system is unmounted, by whomever.
 *
 * Nothing in this process may touch the mounted directory synchronously: it would wait for itself.
 */

import { closeDescriptor } from '../../../nic/system-calls.ts';
import {
  createEventDescriptor,
  createSocketPair,
  ioctlWord,
  raiseEvent,
} from '../../../nic/system-calls-fuse.ts';
import { CommandError, describeError } from '../../command-error.ts';
import { COMPAT_SETXATTR_IN_BYTES, DEV_IOC_CLONE, InitFlag } from '../../kernel-abi/constants.ts';
import { SetxattrIn } from '../../kernel-abi/structures.ts';
import type { MountOptions } from '../../mount-options.ts';
import { findMount } from '../../mount-table.ts';
import { unmountDirectory } from '../../unmount.ts';
import { CacheBoard, CacheMode } from './cache-board.ts';
import { keepsNamesWhenShared } from './cache-policy.ts';
import type { ListenerOrders, ModuleSource, WorkerEnd, WorkerOrders } from './control.ts';
import { answerInit } from './initialisation.ts';
import { mountDirectory, openDevice } from './mounting.ts';
import type { InitAnswer } from './negotiation.ts';
import { Notifier, toDevice } from './notifier.ts';
import { ParkedRequests } from './parked-requests.ts';
import { setReadAhead } from './read-ahead.ts';
import { type FileSystemWorker, Threads, type ThreadTraits } from './threads.ts';
import { freeWatch } from './watch.ts';
import { WriteOrder } from './write-order.ts';

/** The most data in one READ or WRITE: 256 pages, the most that kernels allow by default. */
const TRANSFER_BYTES = 1 << 20;

/** How far the kernel reads ahead: as much as one READ carries. */
const READ_AHEAD_BYTES = TRANSFER_BYTES;

/**
 * How many requests the kernel has under way for O_DIRECT and read-ahead. It counts them per mount;
 * its default of 12 would hold four jobs of queue depth 16 back.
 */
const MAX_BACKGROUND = 128;

/** The first minor version whose kernel can make all names doubtful at once. */
const EPOCHS_MINOR_VERSION = 44;

export interface KernelMountRequest {
  /** Where to mount: a canonical path. */
  readonly directory: string;
  /** What the mount table shows as the source. */
  readonly source: string;
  readonly options: MountOptions;
  /** Serves requests. */
  readonly fileSystem: ModuleSource;
  /** Hears what others change; when left out, nobody but this mount changes the files. */
  readonly listener?: ModuleSource;
}

/** How a mount ended. */
export interface MountEnd {
  /** How many requests were answered. */
  readonly requests: number;
  /** What workers could not go on for. */
  readonly failures: readonly Error[];
}

/** A channel of its own for one more thread. */
function cloneChannel(masterFd: number): number {
  const fd = openDevice();
  ioctlWord(fd, DEV_IOC_CLONE, masterFd);
  return fd;
}

/** What the kernel has agreed to, and what the threads work with. */
interface MountedParts {
  readonly agreed: InitAnswer;
  /** Of the workers, in their order. */
  readonly channels: readonly number[];
  /** No worker reads it: what waits in it waits for none of them. */
  readonly notifyFd: number;
}

/** A file system that is mounted by this process. */
export class KernelMount {
  readonly directory: string;
  /** Tells the kernel what has changed behind its back. Not while a worker runs in the same thread. */
  readonly notifier: Notifier;
  /** Fulfilled when all threads have ended: the file system is unmounted. Never rejected. */
  readonly ended: Promise<MountEnd>;

  readonly #options: MountOptions;
  readonly #device: string | undefined;
  readonly #threads: Threads;
  readonly #parts: MountedParts;
  readonly #board: CacheBoard;
  readonly #wakeFd = createEventDescriptor();
  readonly #stopWorkers = new Int32Array(new SharedArrayBuffer(4));
  readonly #stopListener = new Int32Array(new SharedArrayBuffer(4));
  /** The messenger has the other end: it learns when this process ends, or ends the mount. */
  readonly #life = createSocketPair('close-on-exec');

  private constructor(request: KernelMountRequest, threads: Threads, parts: MountedParts) {
    this.directory = request.directory;
    this.notifier = new Notifier(toDevice(parts.notifyFd));
    this.#options = request.options;
    this.#device = findMount(request.directory)?.device;
    this.#threads = threads;
    this.#parts = parts;
    this.#board = new CacheBoard(threads.boardMemory);
    this.ended = this.#serve();
  }

  /**
   * Mounts a file system and serves it from threads of this process.
   * @throws CommandError MOUNT_FAILED, with nothing left mounted
   */
  static async mount(request: KernelMountRequest): Promise<KernelMount> {
    const threads = new Threads(request);
    try {
      const parts = await mountFor(request, threads.workers.length, await threads.ready());
      return new KernelMount(request, threads, parts);
    } catch (error) {
      await threads.terminate();
      if (error instanceof CommandError) throw error;
      throw new CommandError('MOUNT_FAILED', describeError(error), { cause: error });
    }
  }

  async #serve(): Promise<MountEnd> {
    const listened = this.#listen();
    const ends = await Promise.all(
      this.#threads.workers.map((worker, index) => this.#serveWith(worker, index)),
    );
    const failures = ends.filter((end): end is Error => end instanceof Error);
    const good = ends.filter((end): end is WorkerEnd => !(end instanceof Error));
    // The listener answers lock waits by these channels. It may itself wait for what they hold.
    new ParkedRequests(this.#threads.parkedMemory).end();
    for (const fd of this.#parts.channels) closeDescriptor(fd);
    closeDescriptor(this.#wakeFd);
    Atomics.store(this.#stopListener, 0, 1);
    closeDescriptor(this.#life[0]);
    await listened;
    closeDescriptor(this.#life[1]);
    closeDescriptor(this.#parts.notifyFd);
    if (failures.length > 0 || good.some((end) => end.aborted)) await this.#removeDeadMount();
    return { requests: good.reduce((sum, end) => sum + end.requests, 0), failures };
  }

  /**
   * One worker from its orders to its end. When it fails, the request that it held would wait for
   * ever: so all are told to stop, and closing their channels ends what is left.
   */
  async #serveWith(worker: FileSystemWorker, index: number): Promise<WorkerEnd | Error> {
    const orders: WorkerOrders = {
      deviceFd: this.#parts.channels[index] as number,
      wakeFd: this.#wakeFd,
      stop: this.#stopWorkers,
      transferBytes: this.#parts.agreed.maxWrite,
      index,
      boardMemory: this.#threads.boardMemory,
      stableWritesMemory: this.#threads.stableWritesMemory,
      freshDirectoriesMemory: this.#threads.freshDirectoriesMemory,
      options: timeoutsOf(this.#options),
      setxattrInBytes: setxattrInBytes(this.#parts.agreed.flags),
    };
    const end = await worker.serve(orders);
    if (end instanceof Error) {
      Atomics.store(this.#stopWorkers, 0, 1);
      raiseEvent(this.#wakeFd);
      freeWatch(this.#threads.watchMemory);
      new WriteOrder(this.#threads.orderMemory, index).gotNothing();
      this.#board.abandon(index);
    }
    return end;
  }

  /** The listener from its orders to its end. Without one, the kernel may believe what it knows. */
  async #listen(): Promise<void> {
    const { listener, boardMemory } = this.#threads;
    if (listener === undefined) {
      this.#board.setMode(CacheMode.ALONE);
      return;
    }
    const orders: ListenerOrders = {
      deviceFd: this.#parts.notifyFd,
      lifeFd: this.#life[1],
      stop: this.#stopListener,
      boardMemory,
      directory: this.directory,
      keepsNamesWhenShared: keepsNamesWhenShared(this.#options),
      hasEpochs: this.#parts.agreed.minor >= EPOCHS_MINOR_VERSION,
    };
    const end = await listener.serve(orders);
    if (end instanceof Error) {
      this.#board.setMode(CacheMode.UNTOLD);
      this.#board.nextGeneration();
      process.stderr.write(`dafs: changes by others are not heard of any more: ${end.message}\n`);
    }
  }

  /** Takes a mount away that answers nothing any more, unless it is gone already. */
  async #removeDeadMount(): Promise<void> {
    if (this.#device === undefined || findMount(this.directory)?.device !== this.#device) return;
    try {
      await unmountDirectory(this.directory, { lazy: true });
    } catch (error) {
      process.stderr.write(`dafs: ${describeError(error)}\n`);
    }
  }
}

/** Mounts, and agrees with the kernel on how. */
async function mountFor(
  request: KernelMountRequest,
  workers: number,
  { isTold, locks, extendedAttributes }: ThreadTraits,
): Promise<MountedParts> {
  const { directory } = request;
  const deviceFd = mountDirectory(request);
  try {
    const agreed = answerInit(deviceFd, {
      transferBytes: TRANSFER_BYTES,
      readAheadBytes: READ_AHEAD_BYTES,
      maxBackground: MAX_BACKGROUND,
      tellsChanges: isTold || request.listener === undefined,
      locks,
      extendedAttributes,
    });
    const device = findMount(directory)?.device;
    if (device !== undefined) setReadAhead(device, READ_AHEAD_BYTES);
    const channels = Array.from({ length: workers }, (_, index) =>
      index === 0 ? deviceFd : cloneChannel(deviceFd),
    );
    return { agreed, channels, notifyFd: cloneChannel(deviceFd) };
  } catch (error) {
    closeDescriptor(deviceFd);
    await unmountDirectory(directory, { lazy: true });
    throw error;
  }
}

/** How much of a SetxattrIn a kernel sends that has agreed to these flags. */
function setxattrInBytes(flags: bigint): number {
  return (flags & InitFlag.SETXATTR_EXT) === 0n ? COMPAT_SETXATTR_IN_BYTES : SetxattrIn.bytes;
}

function timeoutsOf(options: MountOptions): WorkerOrders['options'] {
  const { attributeTimeoutSeconds, entryTimeoutSeconds, negativeTimeoutSeconds } = options;
  return { attributeTimeoutSeconds, entryTimeoutSeconds, negativeTimeoutSeconds };
}
