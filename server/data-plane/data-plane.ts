import {
  ConnectionRequest,
  Context,
  createWorkCompletions,
  type DetachedRequest,
  NicError,
  type WakerToken,
  WcOpcode,
  WcStatus,
  type WorkCompletion,
} from '../../nic/index.ts';
import type { Handshake } from '../backup/handshake.ts';
import { BlockCache } from '../block-cache.ts';
import { assembleEngine, systemRandom } from '../engine/assemble.ts';
import { systemClock } from '../engine/clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { Service } from '../engine/service.ts';
import { Authentication, type PasswordVerifier } from '../sessions/authentication.ts';
import { systemProcessStart } from '../sessions/client-process.ts';
import { openedFiles } from '../state/open-record.ts';
import { LogSyncThread, Store, StoreError } from '../store/index.ts';
import { Arrivals } from './arrivals.ts';
import { Connection, type Fabric } from './connection.ts';
import { Housekeeping } from './housekeeping.ts';
import type { DataPlaneOptions, DataPlaneStatus } from './messages.ts';
import { RegisteredMemory } from './registered-memory.ts';
import { statusOf } from './status.ts';

/** Completions taken at a time: so many requests share one commit at most. */
const BATCH = 256;
const ZERO_BYTES = 1 << 16;
const TICK_MS = 1000;
/** So many damaged blocks are named, and no more. */
const MAXIMUM_DAMAGES = 1000;

export interface DataPlaneSetup extends DataPlaneOptions {
  readonly verifyPassword: PasswordVerifier | undefined;
  readonly reportFault: (error: unknown) => void;
  /** Told of each connection that has been taken up, or refused. */
  readonly reportArrival: () => void;
}

/**
 * The thread that does the work: one NIC context with a completion group over all connections, the
 * store and its cache. A turn takes every request that is ready, executes all of them, commits once
 * and sends the responses; when there is nothing to do it tidies up, and when there is nothing to
 * tidy up it sleeps.
 */
export class DataPlane {
  readonly #options: DataPlaneSetup;
  readonly #context = Context.open();
  readonly #fabric: Fabric;
  readonly #memory: RegisteredMemory;
  readonly #store: Store;
  readonly #cache: BlockCache;
  readonly #engine: Engine;
  readonly #service: Service;
  readonly #housekeeping: Housekeeping;
  readonly #connections = new Map<number, Connection>();
  readonly #completions = createWorkCompletions(BATCH);
  readonly #damages = new Set<string>();
  readonly #arrivals: Arrivals;
  #lastTickMs = 0;

  /** @throws StoreOpenError when the database cannot be served. */
  constructor(options: DataPlaneSetup) {
    const { limits } = options;
    this.#options = options;
    this.#store = Store.open(options.database, {
      create: options.create,
      ...(options.blockBytes !== undefined && { blockBytes: options.blockBytes }),
      capacity: options.capacity,
      unstableDirectory: options.unstableDirectory,
      openLogSync: () => new LogSyncThread(this.#context.waker()),
      heldObjects: openedFiles,
    });
    this.#store.observe({
      failed: (cause) =>
        options.reportFault(
          `the file system is read-only until the server is started again: ${cause.message}`,
        ),
      damaged: ({ message }) => this.#reportDamage(message),
    });
    const writeVerifier = this.#store.recoveredVerifier ?? systemRandom();
    const domain = this.#context.allocateProtectionDomain();
    this.#memory = new RegisteredMemory(domain);
    const {
      cacheMemory,
      options: cacheOptions,
      exportedRegion,
    } = this.#memory.cache(this.#store, {
      cacheBytes: options.cacheBytes,
      isExported: options.exportsCache,
      directory: options.unstableDirectory,
      verifier: writeVerifier,
      report: options.reportFault,
    });
    this.#cache = new BlockCache(this.#store, cacheMemory.memory, cacheOptions);
    const { engine, service } = this.#closingOnFailure(() =>
      assembleEngine({
        store: this.#store,
        cache: this.#cache,
        cacheMemory,
        exported: cacheOptions.exported,
        writeVerifier,
        staging: this.#memory.private(limits.maxTransferBytes),
        zeros: this.#memory.private(ZERO_BYTES),
        authentication: new Authentication({
          serverUid: (process.geteuid as () => number)(),
          verifyPassword: options.verifyPassword,
        }),
        limits,
        clock: systemClock,
        random: systemRandom,
        processStart: systemProcessStart,
        reportFault: (error) => this.#reportFault(error),
        reportRefusal: options.reportFault,
      }),
    );
    this.#engine = engine;
    this.#service = service;
    this.#housekeeping = new Housekeeping(this.#store, this.#cache, (error) =>
      this.#reportFault(error),
    );
    this.#fabric = {
      context: this.#context,
      domain,
      group: this.#context.createCompletionGroup(),
      limits,
      exportedRegion,
      exportedTo: this.#memory.exportedTo,
      maxPiecesPerRequest:
        Math.ceil(limits.maxTransferBytes / this.#store.blockBytes) + 1 + limits.maxDirectBuffers,
      closing: [],
    };
    this.#arrivals = new Arrivals((request) => this.#connect(request), options.reportArrival);
  }

  /** What the server knows of clients may be damaged: the database is then given up again. */
  #closingOnFailure<Result>(action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      this.#store.close();
      throw error;
    }
  }

  /** With this, another thread makes a sleeping data plane look at its messages. */
  waker(): WakerToken {
    return this.#context.waker();
  }

  /**
   * Works until told to stop.
   *
   * @param takeMessages is called when another thread has woken the data plane, and from time to
   * time; it returns false to end the work
   */
  run(takeMessages: () => boolean): void {
    for (let isRunning = true; isRunning; ) {
      this.#turn();
      const now = performance.now();
      const isTickDue = now - this.#lastTickMs >= TICK_MS;
      if (this.#context.takeWake() || isTickDue) {
        isRunning = takeMessages();
        if (isTickDue) {
          this.#lastTickMs = now;
          this.#tick();
        }
        // A password that was waited for may have made a session, and a lease that is over given a lock.
        this.#engine.finish();
      }
      this.#arrivals.takeDue();
      this.#settle();
    }
  }

  /** Has a connection taken up when it is its turn; refused ones learn the reason. */
  connect(detached: DetachedRequest): void {
    this.#arrivals.add(detached);
  }

  #connect(detached: DetachedRequest): void {
    const request = ConnectionRequest.attach(detached);
    const reason = request.hasLeft ? 'it has left' : this.#engine.reasonToReject(request.peer);
    if (reason !== undefined) {
      request.reject(reason);
      return;
    }
    const connection = this.#makeConnection(request);
    if (connection === undefined) {
      return;
    }
    const channel = this.#engine.attach(connection);
    this.#connections.set(connection.queuePairNumber, connection);
    try {
      connection.begin(channel, request);
    } catch (error) {
      connection.close(messageOf(error));
      this.#reportUnlessNic(error);
    }
  }

  #makeConnection(request: ConnectionRequest): Connection | undefined {
    try {
      return new Connection(this.#fabric, request.peer);
    } catch (error) {
      request.reject('the server is out of resources');
      this.#options.reportFault(error);
      return undefined;
    }
  }

  /** A peer that leaves in the middle of things is its own business. */
  #reportUnlessNic(error: unknown): void {
    if (!(error instanceof NicError)) {
      this.#options.reportFault(error);
    }
  }

  /** Each block is said to be damaged once, however often somebody tries to read it. */
  #reportDamage(message: string): void {
    if (!this.#damages.has(message) && this.#damages.size < MAXIMUM_DAMAGES) {
      this.#damages.add(message);
      this.#options.reportFault(message);
    }
  }

  /** That storage has failed is said once: what follows from it is no news. */
  #reportFault(error: unknown): void {
    if (!(error instanceof StoreError) || this.#store.breakdown === undefined) {
      this.#options.reportFault(error);
    }
  }

  status(): DataPlaneStatus {
    return statusOf(this.#engine, this.#service, this.#options.cacheBytes);
  }

  /** Has everything that was acknowledged in the database for a moment, and nothing else. */
  offerSnapshot(handshake: Handshake): void {
    try {
      this.#cache.flush();
      this.#store.durability.applyIntents();
      handshake.offer();
    } catch (error) {
      handshake.refuse();
      this.#options.reportFault(error);
    }
  }

  /** Closes all connections, writes everything that is not yet stable and closes the database. */
  close(): void {
    this.#arrivals.refuse('the server is stopping');
    for (const connection of this.#connections.values()) {
      connection.close('the server is stopping');
    }
    this.#settle();
    let isStored = false;
    try {
      this.#cache.flush();
      this.#store.sync();
      isStored = true;
    } catch (error) {
      this.#reportFault(error);
    }
    this.#store.close();
    this.#context.close();
    this.#memory.close(isStored);
  }

  #turn(): void {
    const { group } = this.#fabric;
    let count = 0;
    try {
      const idleMs = this.#housekeeping.idleMs(TICK_MS);
      const dueMs = Math.min(this.#engine.dueMs(), this.#arrivals.dueMs());
      count = group.wait(this.#completions, Math.min(idleMs, dueMs));
    } catch (error) {
      if (!(error instanceof NicError)) {
        throw error;
      }
      // A completion queue has overflown; its connection is found by its state.
      this.#closeFailed();
    }
    for (let index = 0; index < count; index += 1) {
      this.#complete(this.#completions[index] as WorkCompletion);
    }
    this.#engine.finish();
    this.#housekeeping.work(count > 0);
  }

  #complete(completion: WorkCompletion): void {
    const connection = this.#connections.get(completion.qpNumber);
    if (connection === undefined || connection.closeReason !== undefined) {
      return;
    }
    if (completion.status !== WcStatus.SUCCESS) {
      connection.close('the connection is lost');
    } else if (completion.opcode === WcOpcode.RECV) {
      this.#engine.receive(connection.received(completion.wrId, completion.byteLength));
    }
  }

  #tick(): void {
    this.#context.service();
    this.#engine.closeOverdue();
    this.#closeFailed();
  }

  #closeFailed(): void {
    for (const connection of this.#connections.values()) {
      if (connection.hasFailed) {
        connection.close('the connection has failed');
      }
    }
  }

  /** Takes leave of connections that are to be closed; closing one may close others. */
  #settle(): void {
    const { closing } = this.#fabric;
    if (closing.length === 0) {
      return;
    }
    for (let connection = closing.pop(); connection !== undefined; connection = closing.pop()) {
      this.#engine.detach(connection.channel);
      this.#connections.delete(connection.queuePairNumber);
      connection.dispose();
    }
    this.#engine.finish();
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
