/**
 * A mount and its worker threads.
 *
 * The main thread mounts, answers INIT and gives each worker a channel of its own; from then on it
 * only waits for them to end, which they do when the file system is unmounted, by whomever.
 *
 * Nothing in this process may touch the mounted directory synchronously: it would wait for itself.
 */

import { availableParallelism } from 'node:os';
import { closeDescriptor } from '../../../nic/system-calls.ts';
import { createEventDescriptor, ioctlWord, raiseEvent } from '../../../nic/system-calls-fuse.ts';
import { CommandError, describeError } from '../../command-error.ts';
import {
  COMPAT_SETXATTR_IN_BYTES,
  DEV_IOC_CLONE,
  Fopen,
  InitFlag,
} from '../../kernel-abi/constants.ts';
import { SetxattrIn } from '../../kernel-abi/structures.ts';
import type { MountOptions } from '../../mount-options.ts';
import { findMount } from '../../mount-table.ts';
import { unmountDirectory } from '../../unmount.ts';
import type { Validity } from './attributes.ts';
import type { FileSystemSource, FileSystemTraits, WorkerEnd, WorkerOrders } from './control.ts';
import { answerInit } from './initialisation.ts';
import { mountDirectory, openDevice } from './mounting.ts';
import { Notifier } from './notifier.ts';
import { createParkedMemory } from './parked-requests.ts';
import { setReadAhead } from './read-ahead.ts';
import type { OpenPolicy } from './service.ts';
import { WorkerThread } from './worker-thread.ts';

/** The most data in one READ or WRITE: 256 pages, the most that kernels allow by default. */
const TRANSFER_BYTES = 1 << 20;

/** How far the kernel reads ahead: as much as one READ carries. */
const READ_AHEAD_BYTES = TRANSFER_BYTES;

/**
 * How many requests the kernel has under way for O_DIRECT and read-ahead. It counts them per mount;
 * its default of 12 would hold four jobs of queue depth 16 back.
 */
const MAX_BACKGROUND = 128;

/**
 * One worker per processor, within these bounds: one alone would make every caller wait for it, and
 * each takes some 30 MB.
 */
const FEWEST_WORKERS = 2;
const MOST_WORKERS = 4;

/** How long a worker polls for the next request at most before it sleeps. */
const POLL_MICROSECONDS = 50;

/** How long the kernel may believe what it knows when nobody but this mount changes the files. */
const EXCLUSIVE_TIMEOUT_SECONDS = 1;

export interface KernelMountRequest {
  /** Where to mount: a canonical path. */
  readonly directory: string;
  /** What the mount table shows as the source. */
  readonly source: string;
  /** Whether nobody but this mount changes the files. */
  readonly exclusive: boolean;
  readonly options: MountOptions;
  readonly fileSystem: FileSystemSource;
}

/** How a mount ended. */
export interface MountEnd {
  /** How many requests were answered. */
  readonly requests: number;
  /** What workers could not go on for. */
  readonly failures: readonly Error[];
}

/** What all workers are told alike. */
type CommonOrders = Omit<WorkerOrders, 'deviceFd'>;

/** With other clients about, what one of them closed must be seen by whoever opens it next. */
function validityOf({ exclusive, options }: KernelMountRequest): Validity {
  const seconds = exclusive ? EXCLUSIVE_TIMEOUT_SECONDS : 0;
  return {
    attributesSeconds: options.attributeTimeoutSeconds ?? seconds,
    entrySeconds: options.entryTimeoutSeconds ?? seconds,
    negativeSeconds: options.negativeTimeoutSeconds ?? seconds,
  };
}

function openPolicyOf({ exclusive }: KernelMountRequest): OpenPolicy {
  // Pages and listings that were read before stay right when nobody else writes.
  const kept = exclusive ? Fopen.KEEP_CACHE : 0;
  return {
    fileFlags: kept | Fopen.PARALLEL_DIRECT_WRITES,
    directoryFlags: exclusive ? kept | Fopen.CACHE_DIR : 0,
  };
}

/** How much of a SetxattrIn a kernel sends that has agreed to these flags. */
function setxattrInBytes(flags: bigint): number {
  return (flags & InitFlag.SETXATTR_EXT) === 0n ? COMPAT_SETXATTR_IN_BYTES : SetxattrIn.bytes;
}

/** A channel of its own for a further worker. */
function cloneChannel(masterFd: number): number {
  const fd = openDevice();
  ioctlWord(fd, DEV_IOC_CLONE, masterFd);
  return fd;
}

/** A file system that is mounted by this process. */
export class KernelMount {
  readonly directory: string;
  /** Tells the kernel what has changed behind its back. For other threads: `new Notifier(deviceFd)`. */
  readonly notifier: Notifier;
  /** The channel that the mount was made with. */
  readonly deviceFd: number;
  /** Fulfilled when all workers have ended: the file system is unmounted. Never rejected. */
  readonly ended: Promise<MountEnd>;

  readonly #device: string | undefined;
  readonly #workers: readonly WorkerThread[];
  readonly #channels: readonly number[];
  readonly #orders: CommonOrders;

  private constructor(
    directory: string,
    workers: readonly WorkerThread[],
    channels: readonly number[],
    orders: CommonOrders,
  ) {
    this.directory = directory;
    this.deviceFd = channels[0] as number;
    this.notifier = new Notifier(this.deviceFd);
    this.#device = findMount(directory)?.device;
    this.#workers = workers;
    this.#channels = channels;
    this.#orders = orders;
    this.ended = this.#serve();
  }

  /**
   * Mounts a file system and serves it from worker threads of this process.
   * @throws CommandError MOUNT_FAILED, with nothing left mounted
   */
  static async mount(request: KernelMountRequest): Promise<KernelMount> {
    const suggested = Math.min(MOST_WORKERS, Math.max(FEWEST_WORKERS, availableParallelism()));
    const count = request.options.workers ?? suggested;
    const common = { source: request.fileSystem, parkedMemory: createParkedMemory() };
    const workers = Array.from(
      { length: count },
      (_, index) => new WorkerThread({ ...common, index }),
    );
    try {
      const ready = await Promise.all(workers.map((worker) => worker.ready));
      return await KernelMount.#mountFor(workers, request, {
        locks: ready.every(({ locks }) => locks),
        extendedAttributes: ready.every(({ extendedAttributes }) => extendedAttributes),
      });
    } catch (error) {
      await Promise.all(workers.map((worker) => worker.terminate()));
      if (error instanceof CommandError) throw error;
      throw new CommandError('MOUNT_FAILED', describeError(error), { cause: error });
    }
  }

  static async #mountFor(
    workers: readonly WorkerThread[],
    request: KernelMountRequest,
    traits: FileSystemTraits,
  ): Promise<KernelMount> {
    const { directory, exclusive, options } = request;
    const deviceFd = mountDirectory(request);
    try {
      const agreed = answerInit(deviceFd, {
        transferBytes: TRANSFER_BYTES,
        readAheadBytes: READ_AHEAD_BYTES,
        maxBackground: MAX_BACKGROUND,
        explicitInvalidation: exclusive,
        ...traits,
      });
      const device = findMount(directory)?.device;
      if (device !== undefined) setReadAhead(device, READ_AHEAD_BYTES);
      const channels = workers.map((_, index) => (index === 0 ? deviceFd : cloneChannel(deviceFd)));
      return new KernelMount(directory, workers, channels, {
        wakeFd: createEventDescriptor(),
        stop: new Int32Array(new SharedArrayBuffer(4)),
        transferBytes: agreed.maxWrite,
        setxattrInBytes: setxattrInBytes(agreed.flags),
        pollMicroseconds: options.pollMicroseconds ?? POLL_MICROSECONDS,
        validity: validityOf(request),
        openPolicy: openPolicyOf(request),
      });
    } catch (error) {
      closeDescriptor(deviceFd);
      await unmountDirectory(directory, { lazy: true });
      throw error;
    }
  }

  async #serve(): Promise<MountEnd> {
    const ends = await Promise.all(
      this.#workers.map((worker, index) => this.#serveWith(worker, index)),
    );
    const failures = ends.filter((end): end is Error => end instanceof Error);
    const good = ends.filter((end): end is WorkerEnd => !(end instanceof Error));
    for (const fd of this.#channels) closeDescriptor(fd);
    closeDescriptor(this.#orders.wakeFd);
    if (failures.length > 0 || good.some((end) => end.aborted)) await this.#removeDeadMount();
    return { requests: good.reduce((sum, end) => sum + end.requests, 0), failures };
  }

  /**
   * One worker from its orders to its end. When it fails, the request that it held would wait for
   * ever: so all are told to stop, and closing their channels ends what is left.
   */
  async #serveWith(worker: WorkerThread, index: number): Promise<WorkerEnd | Error> {
    const deviceFd = this.#channels[index] as number;
    const end = await worker.serve({ ...this.#orders, deviceFd });
    if (end instanceof Error) {
      Atomics.store(this.#orders.stop, 0, 1);
      raiseEvent(this.#orders.wakeFd);
    }
    return end;
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
