/**
 * The kernel driver: speaks the FUSE kernel protocol on /dev/fuse from worker threads.
 *
 * The main thread mounts, answers INIT and gives each worker a channel of its own; from then on it
 * only waits for them to end, which they do when the file system is unmounted, by whomever.
 *
 * Nothing in this process may touch the mounted directory synchronously: it would wait for itself.
 */

import { availableParallelism } from 'node:os';
import { NicError } from '../../../nic/error.ts';
import { closeDescriptor } from '../../../nic/system-calls.ts';
import { createEventDescriptor, ioctlWord, raiseEvent } from '../../../nic/system-calls-fuse.ts';
import { DEV_IOC_CLONE, Fopen } from '../../kernel-abi/constants.ts';
import type { FileSystemSource, WorkerEnd, WorkerOrders } from './control.ts';
import { answerInit } from './initialisation.ts';
import type { MountOptions } from './mount-options.ts';
import {
  MountError,
  mountDirectory,
  mountedDevice,
  openDevice,
  unmountDirectory,
} from './mounting.ts';
import { Notifier } from './notifier.ts';
import { setReadAhead } from './read-ahead.ts';
import { WorkerThread } from './worker-thread.ts';

export type { FileSystemSource } from './control.ts';
export type { CreateFileSystem } from './worker.ts';

/** The most data in one READ or WRITE: 256 pages, the most that kernels allow by default. */
const TRANSFER_BYTES = 1 << 20;

/**
 * How many requests the kernel has under way for O_DIRECT and read-ahead. It counts them per mount;
 * its default of 12 would hold four jobs of queue depth 16 back.
 */
const MAX_BACKGROUND = 128;

/** More workers than this have not been seen to bring anything. */
const MOST_WORKERS = 8;

/** How long processes that still use a lazily unmounted file system may do so. */
const LAZY_GRACE_MS = 2_000;

/** What to mount, where, and how. */
export interface KernelMountOptions {
  readonly directory: string;
  readonly options: MountOptions;
  readonly source: FileSystemSource;
}

/** How a mount ended. */
export interface MountEnd {
  /** How many requests were answered. */
  readonly requests: number;
  /** What workers could not go on for. */
  readonly failures: readonly Error[];
}

function openPolicy({ kernelCache, directIo }: MountOptions) {
  const cache = kernelCache ? Fopen.KEEP_CACHE : 0;
  const direct = directIo ? Fopen.DIRECT_IO : 0;
  return { fileFlags: cache | direct | Fopen.PARALLEL_DIRECT_WRITES, directoryFlags: 0 };
}

/**
 * A channel of its own for a further worker. Who may not open /dev/fuse (a user on a machine where
 * only fusermount3 may) shares the channel of the mount.
 */
function cloneChannel(masterFd: number): number {
  let fd: number;
  try {
    fd = openDevice();
  } catch (error) {
    if (error instanceof NicError) return masterFd;
    throw error;
  }
  ioctlWord(fd, DEV_IOC_CLONE, masterFd);
  return fd;
}

function timeout(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, undefined).unref());
}

/** A file system that is mounted by this process. */
export class KernelMount {
  /** The mounted directory without symbolic links. */
  readonly directory: string;
  /** Tells the kernel what has changed behind its back. For other threads: `new Notifier(deviceFd)`. */
  readonly notifier: Notifier;
  /** The channel that the mount was made with. */
  readonly deviceFd: number;
  /** Fulfilled when all workers have ended: the file system is unmounted. */
  readonly ended: Promise<MountEnd>;

  readonly #device: string | undefined;
  readonly #workers: readonly WorkerThread[];
  readonly #channels: readonly number[];
  readonly #wakeFd: number;
  readonly #stop: Int32Array;

  private constructor(
    directory: string,
    workers: readonly WorkerThread[],
    channels: readonly number[],
    orders: Omit<WorkerOrders, 'deviceFd'>,
  ) {
    this.directory = directory;
    this.deviceFd = channels[0] as number;
    this.notifier = new Notifier(this.deviceFd);
    this.#device = mountedDevice(directory);
    this.#workers = workers;
    this.#channels = channels;
    this.#wakeFd = orders.wakeFd;
    this.#stop = orders.stop;
    this.ended = this.#serve(orders);
  }

  /**
   * Mounts a file system and serves it from worker threads of this process.
   * @throws MountError, NegotiationError, or what the file system's module throws; then nothing is
   *   left mounted
   */
  static async mount({ directory, options, source }: KernelMountOptions): Promise<KernelMount> {
    const suggested = Math.min(MOST_WORKERS, Math.max(2, availableParallelism()));
    const count = options.workers > 0 ? options.workers : suggested;
    const workers = Array.from({ length: count }, (_, index) => new WorkerThread(source, index));
    try {
      await Promise.all(workers.map((worker) => worker.ready));
      return KernelMount.#mountWith(workers, directory, options);
    } catch (error) {
      await Promise.all(workers.map((worker) => worker.terminate()));
      throw error;
    }
  }

  static #mountWith(workers: WorkerThread[], path: string, options: MountOptions): KernelMount {
    const { deviceFd, directory } = mountDirectory(path, options);
    try {
      const agreed = answerInit(deviceFd, {
        transferBytes: TRANSFER_BYTES,
        readAheadBytes: options.readAheadBytes,
        maxBackground: MAX_BACKGROUND,
        explicitInvalidation: false,
      });
      setReadAhead(directory, options.readAheadBytes);
      const channels = workers.map((_, index) => (index === 0 ? deviceFd : cloneChannel(deviceFd)));
      return new KernelMount(directory, workers, channels, {
        wakeFd: createEventDescriptor(),
        stop: new Int32Array(new SharedArrayBuffer(4)),
        transferBytes: agreed.maxWrite,
        pollMicroseconds: options.pollMicroseconds,
        validity: {
          attributesSeconds: options.attributeTimeoutSeconds,
          entrySeconds: options.entryTimeoutSeconds,
          negativeSeconds: options.negativeTimeoutSeconds,
        },
        openPolicy: openPolicy(options),
      });
    } catch (error) {
      closeDescriptor(deviceFd);
      unmountDirectory(directory, true);
      throw error;
    }
  }

  async #serve(orders: Omit<WorkerOrders, 'deviceFd'>): Promise<MountEnd> {
    const ends = await Promise.all(
      this.#workers.map((worker, index) => this.#serveWith(worker, index, orders)),
    );
    const failures = ends.filter((end): end is Error => end instanceof Error);
    const good = ends.filter((end): end is WorkerEnd => !(end instanceof Error));
    if (failures.length > 0 || good.some((end) => end.aborted)) this.#removeDeadMount();
    for (const fd of new Set(this.#channels)) closeDescriptor(fd);
    closeDescriptor(this.#wakeFd);
    return { requests: good.reduce((sum, end) => sum + end.requests, 0), failures };
  }

  /**
   * One worker from its orders to its end. When it fails, the request that it held would wait for
   * ever: so all are told to stop, and closing their channels ends what is left.
   */
  async #serveWith(
    worker: WorkerThread,
    index: number,
    orders: Omit<WorkerOrders, 'deviceFd'>,
  ): Promise<WorkerEnd | Error> {
    const end = await worker.serve({ ...orders, deviceFd: this.#channels[index] as number });
    if (end instanceof Error) this.#stopWorkers();
    return end;
  }

  #stopWorkers(): void {
    Atomics.store(this.#stop, 0, 1);
    raiseEvent(this.#wakeFd);
  }

  /** Takes a mount away that answers nothing any more, unless it is gone already. */
  #removeDeadMount(): void {
    if (this.#device === undefined || mountedDevice(this.directory) !== this.#device) return;
    try {
      unmountDirectory(this.directory, true);
    } catch (error) {
      console.error(`dafs: ${error instanceof Error ? error.message : error}`);
    }
  }

  /**
   * Unmounts and ends. Dirty pages are written first. Processes that still use the file system get
   * two seconds, and errors after that.
   */
  async unmount(): Promise<MountEnd> {
    try {
      unmountDirectory(this.directory, false);
    } catch (error) {
      if (!(error instanceof MountError) || error.code !== 'EBUSY') throw error;
      unmountDirectory(this.directory, true);
    }
    const end = await Promise.race([this.ended, timeout(LAZY_GRACE_MS)]);
    if (end !== undefined) return end;
    this.#stopWorkers();
    return this.ended;
  }
}
